"""Files that nobody can judge, of every kind that a visitor may drop."""

import gzip
import io
import struct
import zipfile

import numpy as np

ROWS = b"y,p\n1,0.5\n0,0.25\n1,0.75\n"
TEXT = ROWS.decode()
CLASSES = b"y,p_cat,p_dog\n"


# Packed bytes hold the hour at which they were packed, unless they are told another: two
# processes of one run of the tests must have the same bytes.
def packed(contents):
    return gzip.compress(contents, mtime=0)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, contents in members.items():
            made.writestr(zipfile.ZipInfo(name), contents, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(**arrays):
    return zipped(**{f"{name}.npy": saved(array) for name, array in arrays.items()})


def header(shape, dtype="<f8", version=1):
    """The head of an array, and nothing behind it."""
    return head({"descr": dtype, "fortran_order": False, "shape": shape}, version)


def head(described, version=1):
    """The head of an array that says whatever it is told to."""
    text = f"{described}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def damaged():
    """An archive whose packed array begins with a kind of block that there is none of."""
    whole = bytearray(archive(y=np.zeros(100)))
    whole[30 + len("y.npy")] = 0b111  # behind the header of the member
    return bytes(whole)


def understated():
    """An archive whose directory says that its array has 100 bytes, and which unpacks to 30 MB."""
    whole = zipped(**{"p.npy": b"0" * 30_000_000})
    at = whole.index(b"PK\x01\x02")
    # of the central directory: the size of what was packed
    return whole[: at + 24] + struct.pack("<I", 100) + whole[at + 28 :]


def row(text):
    return b"y,p\n" + text.encode() + b"\n0,0.5\n"


# name of the file, its bytes, words of what is said of it
BROKEN = [
    # nothing in it
    ("a.csv", b"", "a.csv must have rows, got an empty file"),
    ("a.csv", b" \n\n", "a.csv must have rows, got an empty file"),
    ("a.csv.gz", packed(b""), "a.csv.gz must have rows, got an empty file"),
    ("a.csv", b"y,p\n", "D02: a.csv must have rows, got none"),
    # columns
    ("a.csv", b"y\n1\n0\n", "no column looks like a prediction: .*there are y"),
    ("a.csv", b"p\n0.1\n0.2\n", "the column of the true class must be named: .*none is left"),
    ("a.csv", b"a,b,c\n1,2,0\n4,-5,1\n", "no column looks like a prediction"),
    ("a.csv", b"y,p\n1,x\n0,y\n", "no column looks like a prediction"),
    ("a.csv", b"y,loss\n1,0.5\n0,0.1\n", "no column looks like a prediction: 'loss' is called"),
    ("a.csv", b"y,y\n1,0.5\n", "a.csv:1: column names must be different, got 'y' twice"),
    ("a.json", b"[1,2]", "no column looks like a prediction"),
    # values
    ("a.csv", row("1,0.5\n0,abc\n1,0.3"), "column 'p' must hold numbers, got 'abc' in row 1"),
    ("a.csv", row("1,1.5"), "D07: .*must be in .0, 1., got 1.5 in row 0 of p"),
    ("a.csv", row("1,1e400"), "D07: .*got inf in row 0"),
    ("a.csv", b"y,p\n1,-0.5\n0,-0.7\n", "D10: .*these are log-probabilities: say logits"),
    ("a.csv", row("1,nan"), "every value must be a number, got nan in row 0 of p .*exclude"),
    ("a.csv", row("1,"), "every value must be a number, got .*nan='exclude'"),
    ("a.csv", row("2,0.5"), r"D01: target 'y' must be in \[0, 2\), got 2 in row 0"),
    ("a.csv", row("-1,0.5"), "D01: .*if -1 marks rows to leave out, say ignore=-1"),
    ("a.csv", row("0.5,0.5"), "y must hold whole numbers, got 0.5 in row 0"),
    ("a.csv", b"y,p_0,p_1\n1,0.5,0.6\n0,0.5,0.5\n", "D07: .*must sum to 1 .*is a column missing"),
    ("a.csv", CLASSES + b"cat,0.4,0.4\ndog,0.1,0.1\n", "D07: .*task='multi'; else a column"),
    ("a.csv", CLASSES + b"cat,0.5,0.5\nfrog,0.2,0.8\n", "D01: .*got 'frog' in row 1 .*cat, dog"),
    ("a.csv", b"y_a,y_b,p_a,p_b\n1,0,0.5,0.5\n,,0.2,0.8\n", "got a missing value in row 1"),
    ("a.csv", b"y_a,y_b,p_a,p_b\n2,0,0.5,0.5\n1,0,0.2,0.8\n", "D08: label column 'y_a' must hold"),
    ("a.csv", b"y,p_a,p_b\n1,0.5,0.5\n2,0.3,0.7\n", "D01: .*targets look 1-based, from 1 to 2"),
    ("a.csv", b"y;p\n1;0,5\n0;0,25\n", "got '0,5' in row 0; a decimal comma"),
    ("a.csv", b"y,logprob\n1,0.5\n", "D10: log-probabilities must be <= 0"),
    ("a.jsonl", b'{"y":1,"probs":[0.2,0.8]}\n{"y":0,"probs":[0.2]}\n', "2 values a row, got 1"),
    # lines
    ("a.csv", b"y,p\n1,0.5\n0\n1,0.25\n", "a.csv:3: expected 2 fields, found 1"),
    ("a.csv", b'y,p\n1,"0.5\n', "a.csv:1: a quote is opened and not closed"),
    ("a.csv", b"y,p\n" + b"1,0.5\n" * 30_000 + b"1,cat\n", "a.csv:30002: column 'p': could not"),
    ("a.csv", b'"a\n', "a.csv cannot be read: error when sniffing"),
    ("a.jsonl", b'{"y":1,', "a.jsonl cannot be read: malformed JSON"),
    # texts that are none, or in another encoding
    ("a.csv", TEXT.encode("utf-16"), "a.csv must be UTF-8, got UTF-16"),
    ("a.csv", TEXT.encode("utf-16-be"), "a.csv must be text, got the byte 0 in line 1"),
    ("a.tsv", TEXT.encode("utf-32"), "a.tsv must be UTF-8, got UTF-32"),
    ("a.csv", "标签,p\n猫,0.5\n".encode("gbk"), "must be UTF-8, got the byte 0xb1 in line 1"),
    ("a.csv", ROWS + "1,0.5 µ".encode("latin-1"), "must be UTF-8, got the byte 0xb5 in line 5"),
    ("a.csv", b"\x00\xff\x00", "a.csv must be text, got the byte 0 in line 1"),
    ("a.csv", zipped(workbook=b"<x/>"), "got a workbook of Excel or another archive"),
    ("a.xlsx", zipped(workbook=b"<x/>"), "the file must be one of .csv, .*got 'a.xlsx'"),
    ("a.csv", b"PAR1PAR1", "got a Parquet file; give it its own ending, .parquet"),
    ("a.csv", packed(ROWS), "got packed bytes; give it its own ending, .gz"),
    ("a.csv", b",".join([b"c"] * 100_000) + b"\n", "at most 2,000 columns, got 100,000"),
    ("a.csv", b"y" * 100_000 + b",p\n1,0.5\n0,0.25\n", "at most 1,000 characters, got one of 100,"),
    ("a.json", b'{"y":' + b"[" * 500 + b"]" * 500 + b"}", "JSON exceeds maximum recursion depth"),
    # packed
    ("a.csv.gz", b"no", "a.csv.gz cannot be read: it is no .gz file"),
    ("a.csv.gz", packed(ROWS)[:-9], "a.csv.gz cannot be read: it is no .gz file"),
    ("a.csv.zst", b"no", "a.csv.zst cannot be read: it is no .zst file"),
    ("a.csv.gz", packed(b"0" * 30_000_000), "unpack to at most 20 MB, got more; .*evaluate"),
    ("a.csv", b"0" * 20_000_001, "at most 20 MB, got 20.0 MB; .*xent evaluate a.csv"),
    # arrays
    ("a.npz", b"no", "a.npz cannot be read: it is truncated or no .npz file"),
    ("a.npz", b"PK no", "a.npz cannot be read: it is truncated or no .npz file"),
    ("a.npz", header((3,)) + b"\0" * 24, "must be an archive of named arrays, got a single array"),
    ("a.npz", archive(y=np.zeros(10**7)), "at most 20 MB, got 80.0 MB; .*xent evaluate a.npz"),
    ("a.npz", zipped(**{"p.npy": header((10**9,))}), "at most 20 MB, got 8,000.0 MB"),
    ("a.npz", zipped(**{"p.npy": header((10**9,), version=3)}), "at most 20 MB, got 8,000.0 MB"),
    ("a.npz", zipped(**{"p.npy": header((10**9,)), "y.npy": head("(")}), "got 8,000.0 MB"),
    ("a.npz", zipped(**{"p.npy": header((10**9,)), "y.npy": header((-(10**9),))}), "16,000.0 MB"),
    ("a.npz", zipped(**{"p.npy": header((3,), "|O", version=3)}), "it holds Python objects"),
    ("a.npz", damaged(), "a.npz cannot be read: it is truncated or no .npz file"),
    # heads that Python cannot read: an open bracket, a list as a key, lines that are indented
    ("a.npz", zipped(**{"p.npy": head("(")}), "it is truncated or no .npz file"),
    ("a.npz", zipped(**{"p.npy": head("{[]: 1}")}), "it is truncated or no .npz file"),
    ("a.npz", zipped(**{"p.npy": head("  x\n y")}), "it is truncated or no .npz file"),
    ("a.npz", zipped(**{"p.npy": header((3,), ())}), "it is truncated or no .npz file"),
    ("a.npz", understated(), "a.npz cannot be read: Bad CRC-32"),
    ("a.npz", archive(y=np.array([1, None], object)), "cannot be read: it holds Python objects"),
    ("a.npz", zipped(**{"y.npy": b"\x80\x04."}), "must have 1 or 2 dimensions, got shape"),
    ("a.npz", archive(y=np.zeros(3), p=np.zeros(4)), "as many rows as each other, got 3 in 'y'"),
    ("a.npz", archive(y=np.zeros((3, 2, 2))), "y must have 1 or 2 dimensions, got shape"),
    ("a.npz", archive(y=np.zeros(3), p=np.zeros(3, complex)), "must hold numbers or text"),
    ("a.parquet", b"PAR1 no", "a.parquet cannot be read: .*is no Parquet file"),
]  # fmt: skip

# what a test of each is called
NAMES = [f"{name}: {said}" for name, _, said in BROKEN]
