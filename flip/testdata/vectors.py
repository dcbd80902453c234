#!/usr/bin/env python3
"""Writes the vectors that the tests of package flip replay.

Run it as `python3 testdata/vectors.py` with CPython 3.11. The three files say with which Python
and which Unicode they were made; the same versions give the same bytes.

  casemap.txt  what swapcase makes of each single code point
  sigma.txt    what each code point means to a capital sigma beside it
  texts.txt    whole texts, many of them not UTF-8
"""

import base64
import os
import random
import sys
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
FINAL = "\u03c2"


def write(name, about, lines):
    with open(os.path.join(HERE, name), "w", encoding="ascii", newline="\n") as f:
        f.write("# Made by testdata/vectors.py; do not edit.\n")
        f.write(f"# CPython {sys.version.split()[0]}, Unicode {unicodedata.unidata_version}.\n")
        for line in about:
            f.write(f"# {line}\n")
        for line in lines:
            f.write(line + "\n")


def hexes(text):
    return " ".join(f"{ord(c):04X}" for c in text)


def casemap():
    changed = [(c, chr(c).swapcase()) for c in SCALARS if chr(c).swapcase() != chr(c)]
    about = [
        "Each line: a code point; what swapcase makes of it. Code points that are not listed",
        "stay as they are.",
        f"count {len(changed)}",
    ]
    write("casemap.txt", about, [f"{c:04X}; {hexes(s)}" for c, s in changed])


SIGMA_CONTEXTS = {
    "after-cased": lambda c: "a" + c + "\u03a3",
    "after-uncased": lambda c: "1" + c + "\u03a3",
    "before-cased": lambda c: "a\u03a3" + c + "a",
    "before-end": lambda c: "a\u03a3" + c,
}


def ranges(members):
    runs = []
    for c in members:
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def sigma():
    lines = []
    for name, context in SIGMA_CONTEXTS.items():
        # The code point under test can be a sigma too: look at the one place that counts.
        at = context("x").index("\u03a3")
        members = []
        for c in SCALARS:
            text = context(chr(c))
            before = text[:at].swapcase()
            if text[: at + 1].swapcase()[: len(before)] != before and c != 0x3A3:
                raise SystemExit(f"{c:04X} changes what stands before it")
            if text.swapcase()[len(before)] == FINAL:
                members.append(c)
        lines.append(f"[{name}]")
        lines += [f"{lo:04X}..{hi:04X}" if lo != hi else f"{lo:04X}" for lo, hi in ranges(members)]
    about = [
        "For which code points c the capital sigma in a context becomes the final one.",
        "after-cased: a c SIGMA; after-uncased: 1 c SIGMA;",
        "before-cased: a SIGMA c a; before-end: a SIGMA c.",
    ]
    write("sigma.txt", about, lines)


SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    " \t\n0123456789.,:;'\"@[`{/-_~",
    "äöüßÄÖÜẞéèêñçøåÆœÿŸİıſŉǰǄǅǆ",
    "αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΣΩΐΰάΆᾳᾼᾈΌ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГҐӘѢ",
    "աբգդԱԲԳԴևაბგႠႡᲐᲑⴀꭰᎠᏸ",
    "中文字漢字かなカナ한국어ไทยहिन्दीעבריתعربي",
    "\u0301\u0308\u0345\u0307\u00ad\u200d\u200b\u2019\u00b7\u0387\u02b0\u1d2c\u2060",
    "😀👩🏽🚀🇩🇪🏴𝐀𝐚𐐀𐐨𞤀𞤢𐓀𐓘𖹀",
    "ffifflſtﬓKÅΩⱯɐȺⱥⱭɑẖẗ",
]
INVALID = [
    b"\x80", b"\xbf", b"\xff", b"\xfe", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xe0\x80\x80",
    b"\xe0\x9f\xbf", b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xa9\xc3", b"\xe2\x28\xa1", b"\x80\x98\x9f\xf0",
]


def letters(rng, scripts, n):
    return "".join(rng.choice(rng.choice(scripts)) for _ in range(n))


def sigma_words():
    """Words with a sigma at every place, alone and beside what is ignored or cased."""
    marks = ["", "\u0301", ".", "'", ":", "\u00ad", "\u02b0", "\u0345", "1", " ", "\u01c5", "中"]
    for mark in marks:
        for word in ("ΑΒΓ", "abc", "ab", "a", ""):
            for at in range(len(word) + 1):
                yield (word[:at] + mark + "Σ" + mark + word[at:]).encode()
    for n in range(1, 6):
        yield ("Σ" * n).encode()
        yield ("aΣ" * n).encode()
        yield ("Σ." * n + "a").encode()
    for bad in (b"\x80", b"\xc3", b"\xed\xa0\x80"):
        yield from (b"a" + bad + b"\xce\xa3", b"a\xce\xa3" + bad + b"a", bad + b"\xce\xa3a")


def whole_texts(rng):
    yield b""
    yield from (bytes([b]) for b in range(0x80, 0x100, 5))
    yield from INVALID
    yield from sigma_words()
    for n in range(0, 70):
        yield letters(rng, SCRIPTS[:2], n).encode()
    for n in (127, 128, 129, 255, 500):
        yield letters(rng, SCRIPTS[:2], n).encode()
    # One character that is not ASCII at every place of a text that is wider than a block.
    for at in range(0, 40):
        base = letters(rng, SCRIPTS[:1], 40)
        yield (base[:at] + rng.choice("éΣ中😀ß\u0345") + base[at:]).encode()
        yield base[:at].encode() + rng.choice(INVALID) + base[at:].encode()
    for _ in range(500):
        yield letters(rng, rng.sample(SCRIPTS, rng.randint(1, 4)), rng.randint(1, 30)).encode()
    for _ in range(300):
        parts = []
        for _ in range(rng.randint(1, 5)):
            parts.append(letters(rng, SCRIPTS, rng.randint(0, 8)).encode())
            parts.append(rng.choice(INVALID))
        yield b"".join(parts)
    for _ in range(150):
        text = letters(rng, SCRIPTS, rng.randint(2, 12)).encode()
        yield text[rng.randint(0, 3) : len(text) - rng.randint(0, 3)]
    for _ in range(100):
        yield bytes(rng.choices(range(0x7E, 0x100), k=rng.randint(1, 40)))


def texts():
    rng = random.Random(3000)
    lines = []
    for data in whole_texts(rng):
        text = data.decode("utf-8", "surrogateescape")
        outs = (text[::-1].swapcase(), text[::-1], text.swapcase())
        fields = [data] + [out.encode("utf-8", "surrogateescape") for out in outs]
        lines.append(" ".join(base64.b64encode(f).decode() or "-" for f in fields))
    about = ["Each line, in base64, - for nothing: a text; it flipped; reversed; with swapped case."]
    write("texts.txt", about, lines)
    print(len(lines), "texts")


if __name__ == "__main__":
    casemap()
    sigma()
    texts()
