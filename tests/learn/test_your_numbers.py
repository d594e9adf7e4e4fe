"""Chapter 9, your own numbers: a file is dropped and judged, a broken one told in words."""

import math

import pytest

from xent.evaluation import evaluate
from xent.learn.example_files import EXAMPLES
from xent.learn.judge import judge
from xent.learn.page import Page
from xent.learn.pictures.your_numbers import cards_of, parts_of, parts_picture

HOSTILE = "<img src=x onerror=alert(1)>"


# The parts --------------------------------------------------------------------


def test_the_parts_end_where_the_next_one_starts_and_add_up():
    found = judge("a.csv", EXAMPLES["one_label.csv"]()).evaluation
    left_open, known, wrong, score = parts_of(found)
    whole = found.decomposition[0]
    assert left_open.value == whole.uncertainty.value
    assert known.value == pytest.approx(-whole.resolution.value, rel=1e-12)
    assert wrong.value == pytest.approx(whole.miscalibration.value, rel=1e-12)
    assert (known.start, wrong.start) == (left_open.end, known.end)
    assert score.value == found.log_loss == pytest.approx(wrong.end, rel=1e-12)


@pytest.mark.parametrize("width", [760, 356])
def test_the_picture_says_its_numbers(width):
    found = judge("a.csv", EXAMPLES["many_labels.csv"]()).evaluation
    svg = parts_picture(parts_of(found), "nats", Page("your_numbers", "en").t, width)
    assert f"the log loss is {found.log_loss:.4f}" in svg


def test_an_infinite_loss_has_no_parts():
    found = evaluate(([0, 1], [[1.0, 0.0], [1.0, 0.0]]))
    assert parts_of(found) == ()
    cards = {card.name: card.value for card in cards_of(found, lambda key: key)}
    assert cards["log_loss"] == math.inf
    assert cards["finite_log_loss"] == 0


# The page ---------------------------------------------------------------------


def drop(reader, name, contents):
    file = {"name": name, "mimeType": "text/csv", "buffer": contents}
    reader.page.locator("input[type=file]").set_input_files(file)
    reader.page.wait_for_selector("[data-yours]")


# what the browser does when a file is let go over the page
LET_GO = """(field, [name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name, { type: "text/csv" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer });
    field.parentElement.dispatchEvent(event);
  }
}"""


def take(reader, name):
    reader.page.get_by_text(f"{name}:", exact=False).first.click()


def agrees(reader, found):
    """Wait until the page shows the numbers of an evaluation."""
    reader.shows("log_loss", found.log_loss, rel=0)
    reader.shows("frequency_log_loss", found.frequency_log_loss, rel=0)
    reader.shows("skill_percent", 100 * found.skill, rel=0)
    reader.shows("accuracy_percent", 100 * found.accuracy, rel=0)
    reader.shows("perplexity", found.perplexity, rel=0)


def test_examples_are_judged_and_a_broken_one_is_told_in_words(chapter):
    reader = chapter("your_numbers")
    agrees(reader, judge("a.csv", EXAMPLES["one_label.csv"]()).evaluation)
    take(reader, "many_labels.csv")
    agrees(reader, judge("a.csv", EXAMPLES["many_labels.csv"]()).evaluation)
    take(reader, "broken.csv")
    reader.page.wait_for_selector("[data-wrong]")
    told = reader.page.locator("[data-wrong]").inner_text()
    assert "broken.csv could not be judged" in told
    assert "got 1.5 in row 11" in told
    reader.quiet()
    assert reader.page.locator("[data-number]").count() == 0
    assert "Traceback" not in reader.page.inner_text("body")


def test_a_file_is_dropped_and_judged_and_cleared(chapter):
    reader = chapter("your_numbers")
    rows = b"y,p\n1,0.5\n0,0.25\n1,0.75\n1,0.875\n"
    drop(reader, "mine.csv", rows)
    found = judge("mine.csv", rows).evaluation
    agrees(reader, found)
    assert "mine.csv" in reader.page.locator("[data-yours]").inner_text()
    assert found.note in reader.page.locator("[data-read-as]").inner_text()
    # the report in its frame, and the text of the command
    frame = reader.page.frame_locator("[data-report]")
    assert "mine.csv" in frame.locator("h1").inner_text()
    assert f"{found.log_loss:.4f}" in frame.locator("body").inner_text()
    reader.page.get_by_text("As the command prints it").click()
    assert reader.page.locator("[data-printed]").inner_text().strip() == str(found).strip()
    reader.page.get_by_text("Click to clear").click()
    reader.page.wait_for_selector("[data-yours]", state="detached")
    agrees(reader, judge("a.csv", EXAMPLES["one_label.csv"]()).evaluation)


def test_a_file_is_let_go_over_the_page(chapter):
    reader = chapter("your_numbers")
    text = "y,p\n1,0.5\n0,0.25\n1,0.75\n"
    field = reader.page.locator("input[type=file]")
    field.wait_for(state="attached")
    field.evaluate(LET_GO, ["let-go.csv", text])
    reader.page.wait_for_selector("[data-yours]")
    assert "let-go.csv" in reader.page.locator("[data-yours]").inner_text()
    agrees(reader, judge("let-go.csv", text.encode()).evaluation)


def test_columns_that_were_not_found_are_chosen(chapter):
    reader = chapter("your_numbers")
    rows = b"a,b,c\n1,2,0\n4,-5,1\n3,3,1\n2,-9,0\n"
    drop(reader, "mine.csv", rows)
    reader.page.wait_for_selector("[data-wrong]")
    assert "no column looks like a prediction" in reader.page.locator("[data-wrong]").inner_text()
    # each choice is answered before the next: a list that is drawn anew closes
    for name, choice in (("the truth", "c"), ("the predictions are", "logits")):
        reader.page.get_by_label(name).select_option(choice)
        reader.quiet()
    reader.page.get_by_label("the predictions", exact=True).click()
    listed = reader.page.get_by_role("listbox", name="Suggestions")
    listed.get_by_role("option", name="b", exact=True).click()
    reader.page.keyboard.press("Escape")
    reader.page.wait_for_selector('[data-number="log_loss"]')
    agrees(reader, judge("mine.csv", rows, target="c", logits="b").evaluation)


def test_names_of_files_and_columns_are_text(chapter):
    reader = chapter("your_numbers")
    drop(reader, f"{HOSTILE}.csv", f'"{HOSTILE}",$p$\n1,0.5\n0,0.25\n1,0.75\n'.encode())
    assert HOSTILE in reader.page.locator("[data-yours]").inner_text()
    assert HOSTILE in reader.page.locator("[data-read-as]").inner_text()
    assert reader.page.locator("img[src=x]").count() == 0
    drop(reader, f"{HOSTILE}.csv", f'"{HOSTILE}",$p$\n1,0.5\n0,2\n'.encode())
    reader.page.wait_for_selector("[data-wrong]")
    assert f"{HOSTILE}.csv could not" in reader.page.locator("[data-wrong]").inner_text()
    assert reader.page.locator("img[src=x]").count() == 0


def told(reader):
    reader.page.wait_for_selector("[data-wrong]")
    return reader.page.locator("[data-wrong]").inner_text()


def test_what_is_wrong_is_told_in_chinese(chapter):
    reader = chapter("your_numbers", "zh")
    reader.page.get_by_text("broken.csv：").first.click()
    assert "每一行的概率之和必须为 1" in told(reader)
    assert "must" not in told(reader)
    drop(reader, "本.csv", "标签,p\n猫,0.5\n".encode("gbk"))
    reader._until(lambda: "UTF-8" in told(reader))
    assert "本.csv 必须是 UTF-8 编码，而第 1 行有字节 0xb1（可能是 GBK）" in told(reader)
    drop(reader, "mine.csv", b"y,p\n1,0.5\n0,0.25\n1,0.5\n")
    reader.page.wait_for_selector("[data-read-as]")
    read_as = reader.page.locator("[data-read-as]").inner_text()
    assert read_as == "读取方式：真相：y；类别 1 的概率：p"


# every word on the page that is neither Chinese nor marked as English, a formula or code
ENGLISH = """() => {
  const found = [];
  const foreign = (text) => /[a-z]{3} ?[a-z]{2}/i.test(text) && !/[\u4e00-\u9fff]/.test(text);
  const apart = "[lang=en], [lang=en] *, code, pre, svg, iframe, .x-tools, marimo-tex, option, "
    + "[role=option], [hidden]";
  function walk(node) {
    if (node.nodeType === 3 && foreign(node.data)) found.push(node.data);
    if (node.nodeType !== 1 || node.matches("script, style, " + apart)) return;
    for (const name of ["aria-label", "title", "placeholder"]) {
      const text = node.getAttribute(name);
      if (text && foreign(text)) found.push(text);
    }
    for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) walk(child);
  }
  walk(document.body);
  return found;
}"""


def test_the_words_of_marimo_are_chinese_too(chapter):
    reader = chapter("your_numbers", "zh")
    page = reader.page
    page.wait_for_selector('[data-part="text"]')
    reader.quiet()
    assert page.evaluate(ENGLISH) == []
    drop(reader, "mine.csv", b"a,b,c\n1,2,0\n4,-5,1\n3,3,1\n")
    told(reader)
    reader.quiet()
    assert page.evaluate(ENGLISH) == []
    # the list of columns
    page.get_by_label("预测所在的列", exact=True).click()
    page.get_by_placeholder("搜索……").wait_for()
    reader.quiet()
    assert page.evaluate(ENGLISH) == []
    page.keyboard.type("zzz")
    page.get_by_text("没有找到。").wait_for()
    page.keyboard.press("Escape")
    # a file that is not taken at all
    large = {"name": "large.csv", "mimeType": "text/csv", "buffer": b"0" * 20_000_001}
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_text("文件超过 20 MB").first.wait_for()  # and once more for screen readers
    # and the examples are back
    page.wait_for_selector("[data-yours]", state="detached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_has_the_theme_of_the_page_and_not_of_the_system(chapter, scheme):
    reader = chapter("your_numbers", scheme=scheme)
    other = {"light": "dark", "dark": "light"}[scheme]
    report = reader.page.frame_locator("[data-report]").locator("html")
    report.wait_for()
    switch = reader.page.locator('[data-switch="theme"]')
    shown = "e => getComputedStyle(e).colorScheme"
    for wanted in (scheme, other, scheme):
        if wanted != reader.page.evaluate("document.documentElement.dataset.theme"):
            switch.click()
        reader._until(lambda wanted=wanted: report.evaluate(shown) == wanted)
        assert report.evaluate(shown) == wanted


def test_the_report_and_the_text_are_downloaded(chapter):
    reader = chapter("your_numbers")
    found = judge("one_label.csv", EXAMPLES["one_label.csv"]()).evaluation
    agrees(reader, found)
    for words, name, content in (
        ("Download the text", "one_label.txt", str(found)),
        ("Download the report", "one_label.html", '<html lang="en">'),
        ("Download broken.csv", "broken.csv", EXAMPLES["broken.csv"]().decode()),
    ):
        with reader.page.expect_download() as waiting:
            reader.page.get_by_text(words, exact=True).click()
        assert waiting.value.suggested_filename == name
        with open(waiting.value.path(), encoding="utf-8") as file:
            assert content in file.read()


def test_the_page_speaks_chinese_and_fits(chapter):
    reader = chapter("your_numbers", "zh", width=390, scheme="dark")
    agrees(reader, judge("a.csv", EXAMPLES["one_label.csv"]()).evaluation)
    assert "数据不会离开这台机器" in reader.page.inner_text("body")
    frame = reader.page.frame_locator("[data-report]")
    assert frame.locator("html").get_attribute("lang") == "zh-Hans"
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
