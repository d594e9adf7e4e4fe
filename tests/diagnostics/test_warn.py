import linecache
import pickle
import types
import warnings

import pytest

from xent.diagnostics.policy import checks
from xent.diagnostics.warn import forget, listening, note_once, warn_once
from xent.errors import MisuseWarning


@pytest.fixture
def caught():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def test_once_for_each_line_and_code(caught):
    for _ in range(3):
        warn_once("here", code="D04")
        warn_once("there", code="D04")
        warn_once("there", code="D06")
    assert len(caught) == 3
    forget()
    warn_once("again", code="D04")
    assert len(caught) == 4


def test_it_points_at_the_line_and_carries_the_facts(caught):
    warn_once("the rows sum to one", code="D04", index=(3, 1), value=0.5)  # this line
    (warning,) = caught
    assert warning.category is MisuseWarning
    assert warning.filename == __file__
    assert "# this line" in linecache.getline(__file__, warning.lineno)
    said = warning.message
    assert (said.code, said.index, said.value) == ("D04", (3, 1), 0.5)
    assert str(said) == 'D04: the rows sum to one (silence: xent.checks(silence=["D04"]))'
    assert str(pickle.loads(pickle.dumps(said))) == str(said)


def test_frames_of_torch_are_passed_over(caught):
    # a loss module is called through torch's Module.__call__
    module = types.ModuleType("torch.nn.modules.module")
    exec(compile("def call(f):\n    f()", "/torch/module.py", "exec"), module.__dict__)
    module.call(lambda: None)
    source = "def call(warn):\n    warn('m', code='D04')"
    exec(compile(source, "/torch/module.py", "exec"), module.__dict__)
    module.call(warn_once)
    module.call(warn_once)
    assert [w.filename for w in caught] == [__file__, __file__]


def test_a_module_with_a_like_name_is_not_torch(caught):
    module = types.ModuleType("torchlike")
    source = "def call(warn):\n    warn('m', code='D04')"
    exec(compile(source, "/torchlike.py", "exec"), module.__dict__)
    module.call(warn_once)
    assert [w.filename for w in caught] == ["/torchlike.py"]


def test_silence_and_off(caught):
    with checks(silence=["D04"]):
        warn_once("silenced", code="D04")
        warn_once("heard", code="D06")
    with checks("off"):
        warn_once("off", code="D04")
    assert [w.message.code for w in caught] == ["D06"]


def test_what_was_silenced_is_still_new(caught):
    for level in ("off", "fast"):
        with checks(level):
            warn_once("m", code="D04")
    assert len(caught) == 1


def test_notes_speak_at_full_only(caught):
    note_once("m", code="D18")
    assert not caught
    with checks("full"):
        note_once("m", code="D18")
    assert [w.message.code for w in caught] == ["D18"]


def test_an_error_filter_raises_it():
    with pytest.raises(MisuseWarning, match="D04: m"):
        warn_once("m", code="D04")


def test_listening_collects_instead():
    with listening() as heard, checks("full"):
        for _ in range(2):
            warn_once("w", code="D04")
        note_once("n", code="D18")
    assert [(kind, str(w)) for kind, w in heard] == [
        ("warning", "D04: w"),
        ("warning", "D04: w"),
        ("note", "D18: n"),
    ]


def test_code_without_a_module_is_told_too():
    names = {"warn_once": warn_once}
    with pytest.warns(MisuseWarning, match="D04"):
        exec('warn_once("rows sum to one", code="D04")', names)
