"""The list of all pages, as the theme makes it: its captions are headings of the second level."""


def give_levels(app, pagename, templatename, context, doctree):
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading">', 'role="heading" aria-level="2">'
    )


def setup(app):
    # after the theme has made it
    app.connect("html-page-context", give_levels, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
