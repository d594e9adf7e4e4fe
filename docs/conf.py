"""How docs/ becomes pages: `make docs` builds it, warnings are errors, nothing is fetched.

The pages are MyST Markdown that tests/pages.py executes; reference pages take their text from
the docstrings; what a page includes from _generated/ is made here from the code and from
benchmarks/results/ before Sphinx reads anything.
"""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))

from numpydoc.xref import DEFAULT_LINKS  # noqa: E402

import xent.errors  # noqa: E402

project = "xent"
author = "the xent developers"
project_copyright = author
version = release = xent.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
extensions += ["sphinx_copybutton"]
# those of docs/_extensions/
extensions += [
    "blocks", "chinese", "citations", "codes", "contents", "excerpts", "fields", "generated",
    "mathml", "names", "outside",
]  # fmt: skip
exclude_patterns = ["_*"]
nitpicky = True
smartquotes = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4

# a bare `name` in a docstring is a link where it names something documented, else code
default_role = "name"
add_module_names = False
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autosummary_generate = False
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# types that are classes of ours are links; those of Python would lead out of these pages
DEFAULT_LINKS.clear()
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    path.rpartition(".")[2]: path
    for path in [
        *(f"xent.errors.{name}" for name in xent.errors.__all__),
        "xent.Total",
        "xent.diagnostics.findings.Audit",
        "xent.diagnostics.known_values.Explanation",
        "xent.evaluation.Comparison",
        "xent.evaluation.Evaluation",
        "xent.evaluation.Summary",
        "xent.evaluation.recalibration.Recalibration",
        "xent.information.EntropyEstimate",
        "xent.torch.functional.CrossEntropyStats",
        "xent.torch.functional.LinearCrossEntropyStats",
        "xent.torch.partition.PartitionReport",
    ]
}

# a button copies what is typed, without prompts and without what comes back
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathml"
html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "xent"
html_theme_options = {
    "light_css_variables": {
        "xent-blue": "#1f5fa8", "xent-orange": "#b34a12", "xent-neutral": "#858c96",
    },
    "dark_css_variables": {
        "xent-blue": "#7fb4ee", "xent-orange": "#f29660", "xent-neutral": "#858c96",
    },
}  # fmt: skip
html_static_path = ["_static"]
html_css_files = ["xent.css"]
html_js_files = ["reach.js"]
html_copy_source = False
html_show_sphinx = False
# Sphinx's excerpts are read with fetch(), which pages opened from a folder may not do: `excerpts`
html_show_search_summary = False
html_search_language = "en-zh"
