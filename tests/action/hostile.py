"""Text that a runner, a terminal or GitHub's Markdown would obey, if it reached them as it is."""

from hypothesis import strategies as st

LOG_COMMANDS = [
    "::set-output name=value::owned",
    "::add-mask::a",
    "::stop-commands::x",
    "::error::x",
    "::Error::x",
    "##[set-output name=value]owned",
    "##[add-mask]a",
    "##[Add-Mask]a",
    "x ##[error]y",
    "####[error]y",
    "%0A::add-mask::a",
    "%250A",
]
FILES = [
    "value<<EOF\nowned\nEOF\nvalue=owned",
    "ghadelimiter_",
    "ghadelimiter_0123456789abcdef\nfound<<ghadelimiter_0\nowned",
    "=",
    "<<",
]
CHARACTERS = [
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\x1b[31m",
    "\x1b]8;;https://a.example\x07",
    "\x07\x08",
    "\x0b\x0c\x1c",
    "\u2028",
    "\x85",
    "\ufeff",
    "\u202e",
    "\u200b",
    "😀",
]
MARKDOWN = [
    "|",
    "\\|",
    "\\\\|",
    "\\",
    "`",
    "``",
    "```\n",
    "~~~",
    "</details>",
    "</code>",
    "<img src=x onerror=alert(1)>",
    "<!--",
    "&lt;",
    "![a](https://a.example/x.png)",
    "[a](javascript:alert(1))",
    "https://a.example",
    "www.a.example",
    "@octocat",
    "#1",
    "GH-1",
    ":tada:",
    "$x$",
    "**a**",
    "__a__",
    "- [x] a",
    "\n# a",
    "\n| a |\n| --- |",
    'pie\n"a" : 1',
]
OTHERS = ["$(id)`id`${{ secrets.GITHUB_TOKEN }}", "x" * 5_000, "a", " "]

TEXTS = st.lists(
    st.sampled_from([*LOG_COMMANDS, *FILES, *CHARACTERS, *MARKDOWN, *OTHERS])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    max_size=5,
).map("".join)
"""Any text that an environment may hold, most of it hostile."""
