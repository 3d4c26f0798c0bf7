"""Refusals and failures become the contract's codes with a message for a visitor."""

from __future__ import annotations

from typing import Any

import pytest

from jigdesk.adapters.comfyui import errors
from jigdesk.adapters.comfyui.history import Failed, read_outcome
from jigdesk.domain.errors import ErrorCode, JobError
from tests.fakes import comfyui_recordings as recordings
from tests.harness.cost import assert_linear

CLASSES = ("LoadImage", "KSampler", "KSamplerAdvanced", "ImageBlur")


def recorded(name: str, classes: tuple[str, ...] = CLASSES) -> JobError:
    recording = recordings.load(name)
    return errors.refusal(recording.response[1], recording.graph, classes)


def test_a_missing_model_names_the_file_and_what_there_is() -> None:
    error = recorded("missing_model")
    assert error.error_code is ErrorCode.MISSING_MODEL
    assert error.message == (
        "“CheckpointLoaderSimple”: the model 'no_such.safetensors' is missing; "
        "the node offers 'random_sd15.safetensors'."
    )
    assert error.field == "1.ckpt_name"
    assert error.details == {
        "node": "1",
        "node_title": "CheckpointLoaderSimple",
        "node_type": "CheckpointLoaderSimple",
        "traceback": None,
    }


def test_a_missing_node_names_the_nearest_class() -> None:
    graph = {"7": {"class_type": "KSampelr", "inputs": {}, "_meta": {"title": "Denoise"}}}
    old = {
        "error": {
            "type": "invalid_prompt",
            "message": "Cannot execute because node KSampelr does not exist.",
            "details": "Node ID '#7'",
            "extra_info": {},
        },
        "node_errors": {},
    }
    new = {
        "error": {
            "type": "missing_node_type",
            "message": "Node 'Denoise' not found. The custom node may not be installed.",
            "details": "Node ID '#7'",
            "extra_info": {"node_id": "7", "class_type": "KSampelr", "node_title": "Denoise"},
        },
        "node_errors": {},
    }
    for body in (old, new):
        assert errors.is_missing_node(body)
        error = errors.refusal(body, graph, CLASSES)
        assert error.error_code is ErrorCode.MISSING_NODE
        assert error.message == (
            "The engine has no node 'KSampelr'; the nearest that it has is 'KSampler'."
        )
        assert error.details["node"] == "7"
        assert error.details["node_title"] == "Denoise"
        assert error.field == "7.class_type"


def test_a_missing_node_without_a_near_one_says_only_that() -> None:
    error = recorded("unknown_node", ())
    assert error.message == "The engine has no node 'NoSuchNode'."


def test_a_missing_input_file() -> None:
    error = recorded("load_image_missing_file")
    assert error.error_code is ErrorCode.MISSING_INPUT
    assert error.message == "“LoadImage”: the engine does not have the file 'nope.png'."


def test_other_refusals_name_node_and_input() -> None:
    error = recorded("bad_value")
    assert error.error_code is ErrorCode.VALIDATION_FAILED
    assert error.message == ("“EmptyImage”: width: Value -5 smaller than min of 1 (1 more problem)")
    assert error.field == "1.width"
    missing = recorded("missing_input")
    assert missing.message == "“SaveImage”: filename_prefix: Required input is missing"
    assert "Prompt has no outputs" in recorded("no_outputs").message


def not_in_list(name: str, received: str, options: Any, kind: str = "Loader") -> JobError:
    said = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "…",
        "extra_info": {"input_name": name, "input_config": options, "received_value": received},
    }
    return errors.invalid_nodes({"1": {"errors": [said], "class_type": kind}}, {})


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ckpt_name", "sd/xl.safetensors"),
        ("lora_name", "style.safetensors"),
        ("vae_name", "vae.pt"),
        ("unet_name", "flux.gguf"),
        ("clip_name1", "t5.safetensors"),
        ("control_net_name", "canny.pth"),
        ("model_name", "4x.pth"),
        ("style_model_name", "redux.safetensors"),
    ],
)
@pytest.mark.parametrize(
    "options", [[["a.safetensors"], {}], ["COMBO", {"options": ["a.safetensors"]}], [[]], None]
)
def test_every_kind_of_model_is_recognised(name: str, file: str, options: Any) -> None:
    error = not_in_list(name, file, options)
    assert error.error_code is ErrorCode.MISSING_MODEL
    assert file in error.message


def test_a_choice_that_is_no_model_is_a_bad_value() -> None:
    error = not_in_list("sampler_name", "eulr", [["heun", "euler", "dpm_2"], {}], "KSampler")
    assert error.error_code is ErrorCode.VALIDATION_FAILED
    assert error.message == (
        "“KSampler”: sampler_name cannot be 'eulr'; the node offers 'euler', 'heun', 'dpm_2'."
    )
    kind = not_in_list("model_type", "sd9", [["sdxl", "flux"], {}])
    assert kind.error_code is ErrorCode.VALIDATION_FAILED


def test_a_long_list_is_shortened_to_the_nearest() -> None:
    options = [f"model_{number}.safetensors" for number in range(4000)]
    error = not_in_list("ckpt_name", "model_17.safetensor", [options, {}])
    assert "'model_17.safetensors'" in error.message
    assert "and 3995 more" in error.message
    assert len(error.message) <= 500


def test_the_most_telling_problem_comes_first() -> None:
    first = recordings.load("bad_value").response[1]["node_errors"]
    second = recordings.load("missing_model").response[1]["node_errors"]
    both = errors.invalid_nodes({"9": first["1"], "1": second["1"]}, {})
    assert both.error_code is ErrorCode.MISSING_MODEL
    assert both.message.endswith("(2 more problems)")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": "no", "node_errors": []},
        {"error": {"type": "x"}, "node_errors": {"1": None}},
        {"error": None, "node_errors": {"1": {"errors": ["x"], "class_type": 3}}},
        {"error": {}, "node_errors": {"1": {"errors": [{"extra_info": {"input_name": 3}}]}}},
    ],
)
def test_a_refusal_of_any_shape_is_a_refusal(body: dict[str, Any]) -> None:
    error = errors.refusal(body, {})
    assert error.error_code is ErrorCode.VALIDATION_FAILED
    assert error.message


def test_a_recorded_failure_keeps_its_traceback_apart() -> None:
    recording = recordings.load("load_broken_image")
    outcome = read_outcome(recording.entry, recording.graph)
    assert isinstance(outcome, Failed)
    error = errors.execution_failure(outcome, recording.graph)
    assert error.error_code is ErrorCode.EXECUTION_ERROR
    assert not error.retryable
    assert "/" not in error.message
    assert str(error.details["traceback"]).endswith(
        "PIL.UnidentifiedImageError: cannot identify image file '/opt/ComfyUI/input/broken.png'\n"
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."),
        ("torch.cuda.OutOfMemoryError", ""),
        ("OutOfMemoryError", "Allocation on device 0 would exceed allowed memory."),
        ("RuntimeError", "CUDA out of memory. Tried to allocate 20.00 MiB"),
        ("RuntimeError", "CUDA error: out of memory\nCUDA kernel errors might be"),
        ("RuntimeError", "HIP out of memory."),
        ("RuntimeError", "MPS backend out of memory (MPS allocated: 17.72 GB)"),
        ("RuntimeError", "Allocation on device "),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        ("RuntimeError", "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        ("MemoryError", ""),
    ],
)
def test_every_way_to_run_out_of_memory(kind: str, message: str) -> None:
    graph = {"4": {"class_type": "KSampler", "_meta": {"title": "Denoise"}}}
    error = errors.execution_failure(Failed("4", "KSampler", kind, message, "trace\n"), graph)
    assert error.error_code is ErrorCode.OUT_OF_MEMORY
    assert error.retryable
    assert error.message == "The machine ran out of memory in “Denoise”."


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ValueError", "the prompt 'an elephant running out of memory lane' is too long"),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied"),
        ("MyOutOfMemoryErrorHandlerError", "x"),
    ],
)
def test_what_is_not_about_memory(kind: str, message: str) -> None:
    assert not errors.is_out_of_memory(kind, message)


def test_a_failure_in_an_expanded_node_names_the_submitted_one() -> None:
    graph = {"4": {"class_type": "Group", "_meta": {"title": "Faces"}}}
    failure = Failed("4.0.0.2", "Inner", "ValueError", "", "")
    error = errors.execution_failure(failure, graph)
    assert error.message == "“Faces” failed: ValueError"
    assert error.details["node"] == "4"
    assert error.details["node_type"] == "Inner"


def test_a_failure_without_a_node() -> None:
    error = errors.execution_failure(Failed(None, None, "Exception", "broken " * 500, ""), {})
    assert error.message.startswith("a node failed: broken")
    assert len(error.message) <= 500


def test_no_text_of_an_engine_takes_long() -> None:
    def hostile(size: int) -> None:
        errors.is_out_of_memory("RuntimeError", "\n" * size)
        errors.is_out_of_memory("RuntimeError", "CUDA " * size)
        not_in_list("ckpt_name", "x" * size, [["y" * (size // 10)] * 100, {}])

    assert_linear(hostile, 250_000)
