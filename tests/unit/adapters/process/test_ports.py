from __future__ import annotations

import os
import socket

from jigdesk.adapters.process.ports import PortOwner, belongs_to, free_port, port_owner


def test_names_who_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        owner = port_owner(port)
        assert owner is not None
        assert owner.pid == os.getpid()
        assert "python" in (owner.command or "")
        assert str(owner).startswith(f"process {os.getpid()} (")
    assert port_owner(port) is None


def test_an_owner_that_may_not_be_known_is_named_as_such() -> None:
    assert str(PortOwner(8188, None, None)) == "a process of another user"


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_a_process_belongs_to_itself_and_its_ancestors() -> None:
    assert belongs_to(os.getpid(), os.getpid())
    assert belongs_to(os.getpid(), os.getppid())
    assert not belongs_to(os.getppid(), os.getpid())
