"""`python -m services.gateway.cli`, which `./landscape` runs."""

from services.gateway.cli import main

if __name__ == "__main__":
    main()
