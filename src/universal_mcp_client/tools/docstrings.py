"""What a docstring says of a function, and what it says of each parameter."""

import re

# A heading as Google and NumPy write it, or a field as Sphinx does.
_SECTION = re.compile(
    r"^[ \t]*(?:(?P<numpy>(?:Other )?Parameters[ \t]*\n[ \t]*---)"
    r"|(?P<google>(?:Args|Arguments|Params|Parameters|Keyword Args|Keyword Arguments):[ \t]*$)"
    r"|(?P<sphinx>:(?:param|parameter|arg|argument|key|keyword)\b[^:\n]*:))",
    re.MULTILINE,
)


def parsed(docstring: str) -> tuple[str, dict[str, str]]:
    """The description without its parameters, and the parameters' own descriptions by name.

    Styles are Google's, NumPy's and Sphinx's. What a function returns stays in the description.
    """
    found = _SECTION.search(docstring)
    if found is None:
        return docstring, {}
    import griffe

    told, about = list[str](), dict[str, str]()
    style = griffe.Parser(found.lastgroup or "google")
    for section in griffe.Docstring(docstring).parse(style, warnings=False):
        match section:
            case griffe.DocstringSectionText():
                told.append(section.value)
            case griffe.DocstringSectionParameters():
                about |= {p.name.lstrip("*"): p.description for p in section.value if p.description}
            case griffe.DocstringSectionAdmonition():
                told.append(f"{section.title or section.value.kind}: {section.value.contents}")
            case griffe.DocstringSectionReturns():
                returned = "; ".join(part.description for part in section.value if part.description)
                told += [f"Returns: {returned}"] if returned else []
            case _:
                pass
    return "\n\n".join(told), about
