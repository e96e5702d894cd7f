from tumors.markup import cited_keys, to_html, to_markdown

LINKS = {"who": (2, "https://doi.org/10.1/a%281%29")}


def test_keys_come_in_order_of_first_use():
    assert cited_keys("b [@b], a [@a], b again [@b]") == ["b", "a"]


def test_citations_become_numbered_links():
    assert to_markdown("Rare. [@who]", LINKS) == "Rare. [[2]](https://doi.org/10.1/a%281%29)"


def test_unknown_citations_stay_readable():
    assert to_markdown("[@gone]", LINKS) == "[@gone]"
    assert to_html("[@gone]", LINKS) == "<p>[@gone]</p>"


def test_paragraphs_bullets_bold_and_citations_become_html():
    html = to_html("One\nline. [@who]\n\n- **first**: x\n- second", LINKS)
    assert html == (
        '<p>One line. <a href="https://doi.org/10.1/a%281%29">[2]</a></p>\n\n'
        "<ul><li><strong>first</strong>: x</li><li>second</li></ul>"
    )


def test_html_in_the_text_is_shown_and_not_run():
    assert "<script>" not in to_html("<script>x</script> **<b>**\n- <i>", LINKS)
