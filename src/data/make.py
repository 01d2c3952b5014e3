"""Makes the files of public/data from their published copies. README.md beside this file says where those are.

Usage: python3 make.py SOURCES OUT

SOURCES holds digits.csv.gz, iris.csv, penguins.json and the four Fashion-MNIST files (train-images-idx3-ubyte.gz ...).
Needs nothing outside Python's standard library. Equal inputs give equal bytes (gzip headers carry no time or name).
"""

import csv
import gzip
import json
import struct
import sys
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


if __name__ == "__main__":
    for make in (digits, fashion, iris, penguins):
        make(Path(sys.argv[1]), Path(sys.argv[2]))
