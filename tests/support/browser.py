"""A browser whose user agrees to everything: `BROWSER="python browser.py %s"`."""

import sys

import httpx2

with httpx2.Client() as browser:
    answer = browser.get(sys.argv[1])
    browser.get(answer.headers["location"]).raise_for_status()
