"""How much of what others send is taken. Each bound says what it protects.

Real servers stay far below all of them; docs/tools.md has the table.
"""

MESSAGE_BYTES = 16_000_000
"""One message of an MCP server, or one body of its HTTP answers, decompressed: memory."""

MESSAGE_VALUES = 200_000
"""Values in one message, each element and member counted: memory, of which an empty list takes 300
times its text, and the time to parse it, which is the event loop's."""

LISTING_CHARACTERS = 32_000_000
"""All pages of one listing: memory."""

REQUESTS_OPEN = 100
"""Requests of a server, such as pings and questions, that it has no answer to yet: memory. A server
that does not read its input can be answered nothing."""

LOGIN_BYTES = 1_000_000
"""One answer of an authorization server, decompressed: memory."""

LOGIN_SECONDS = 30.0
"""One answer of an authorization server from the first byte to the last: a byte a second would
otherwise hold a login for days."""

CHECK_SECONDS = 0.1
"""CPU time of one check of a value against a JSON Schema; then it counts as not checked."""

CHECK_STEPS = 2_000
"""Keywords that a check may look at on the event loop; one that needs more goes to a thread."""

PATTERN_CHARACTERS = 1_000
"""A regular expression in a schema: compiling has no clock."""

DESCRIPTION_CHARACTERS = 8_000
"""A tool's description, and a server's instructions: the model's context. The longest of 320 tools
of 21 real servers has 3,000."""

PARAMETER_CHARACTERS = 2_000
"""A description inside a tool's schema."""

SCHEMA_CHARACTERS = 100_000
"""A tool's input schema as JSON: a larger one is left out, and the server has the last word."""

SCHEMA_DEPTH = 64
"""Levels of a tool's schema."""

NAME_CHARACTERS = 200
"""A name in an error message."""

CATALOGUE_TOOLS = 10_000
"""Tools that a model is told of; those beyond are left out, and that is said."""

CATALOGUE_CHARACTERS = 8_000_000
"""Descriptions and schemas of all tools together: more than any model's context."""

RESULT_PARTS = 50
"""Parts of one result that the model gets apart; of more, neighbouring texts become one."""

RESULT_ATTACHMENTS = 20
"""Images, sounds and files of one result."""

ATTACHMENT_BYTES = 5_000_000
"""One image, sound or file of a result: Anthropic takes no larger image."""

ATTACHMENTS_BYTES = 20_000_000
"""All attachments of one result; requests to providers end at 32 MB."""

FILE_BYTES = 20_000_000
"""One file that a program puts into a prompt, as `Image.from_file` does: memory, and requests to
providers end at 32 MB, of which base64 takes a third."""

STRUCTURED_CHARACTERS = 250_000
"""A result's structured content that is kept beside its text, for programs."""

KEPT_BYTES = 32_000_000
"""All results together that were cut and can still be read with `read_result`."""

ANSWER_CHARACTERS = 16_000_000
"""Text, thinking and arguments of one model answer: one without an end is cut off. What is JSON
counts for more, see ANSWER_ELEMENT."""

ANSWER_CALLS = 128
"""Tool calls of one model answer, which would all run at once."""

ANSWER_ITEM = 100
"""Characters that a part of an answer counts for even when it is empty: it takes memory."""

ANSWER_ELEMENT = 30
"""Characters that a comma or an opening bracket of an answer's JSON counts for beside itself: `{}`
takes 72 bytes once it is read."""

ANSWER_EVENTS = 2_000_000
"""Events of one model answer; each is a token or more."""

ANSWER_EVENT_BYTES = 4_000_000
"""One event of a model server: the SDKs keep a line until it ends, and as JSON it may take 24 times
its length."""

ANSWER_EVENT_LINES = 200
"""Lines of one event of a model server; each of them has two or three."""

ANSWER_ERROR_BYTES = 1_000_000
"""What is read of an answer with an error status, or of a page instead of a stream."""

ANSWER_BYTES = 512_000_000
"""All events of one model answer; a token takes some hundred bytes."""

ARGUMENTS_DEPTH = 100
"""Levels of nested arrays and objects in a call's arguments; real ones have less than ten."""
