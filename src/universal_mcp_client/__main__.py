"""`python -m universal_mcp_client` is `umcp`."""

import sys

from universal_mcp_client.cli.main import main

sys.exit(main())
