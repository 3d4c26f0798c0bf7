"""`python -m jigdesk` is the command line."""

from jigdesk.cli import main

if __name__ == "__main__":
    main()
