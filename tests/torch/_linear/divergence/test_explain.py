"""xent.kernels.explain of a student and a teacher."""

import torch

import xent.torch  # noqa: F401  which makes itself known
from xent import kernels


def told(teacher_gradient=False, *, student=True, dtype=torch.float32, **options):
    student = [torch.zeros(x, 8, dtype=dtype, requires_grad=student) for x in (512, 1000)]
    teacher = [torch.zeros(x, 6, requires_grad=teacher_gradient) for x in (512, 1000)]
    return kernels.explain("linear_kl_divergence", *student, *teacher, **options)


def test_the_plan_is_told():
    assert told().implementation == "cpu"
    assert "1 block of 512 x 1,000 logits, 4 matrix products" in told().reasons[-1]
    assert "6 matrix products" in str(told(reduction="none"))
    assert "6 matrix products" in str(told(dtype=torch.float16))
    assert "2 matrix products" in str(told(student=False, reduction="none"))
    assert "2 blocks of 256 x 1,000" in str(told(memory="2.2MB"))


def test_a_teacher_that_learns_is_served_by_the_formulas():
    assert told(True).implementation == "formulas"
    assert "the teacher needs a gradient" in str(told(True))
