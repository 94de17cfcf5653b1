"""`python -m lipiyana`: the command line."""

from lipiyana.cli.main import main

if __name__ == "__main__":
    main()
