"""Text of others in a prompt, marked as theirs."""

import re


def marked(tag: str, text: str, **attributes: str | None) -> str:
    """`text` between tags that it cannot end itself."""
    inside = re.sub(rf"<(?=\s*/?\s*{tag}\b)", "&lt;", text, flags=re.IGNORECASE)
    about = "".join(f' {name}="{_quoted(value)}"' for name, value in attributes.items() if value)
    return f"<{tag}{about}>\n{inside}\n</{tag}>"


def _quoted(value: str) -> str:
    return re.sub(r"[\s<>]+", " ", value).replace('"', "'")
