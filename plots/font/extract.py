"""Writes the outlines of the glyphs that figures use: `extract.py FONT.otf > inter-regular.txt`. Needs fontTools.

A line is `CODE ADVANCE PATH`: hexadecimal code point, advance width, and an SVG path (M, L, C, Z; absolute, y upwards), in units of
1/1000 em. The first line gives ascender, height of capitals, height of `x` and descender.
"""

import sys

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

CHARACTERS = [chr(code) for code in range(0x20, 0x7F)] + list("°±µ·×ÄÖÜäöüßéèΔμσ–—‘’“”…→←↑↓−≈≤≥∞≠⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
EM = 1000


def main(path):
    font = TTFont(path)
    glyphs, names, scale = font.getGlyphSet(), font.getBestCmap(), EM / font["head"].unitsPerEm
    table = font["OS/2"]
    heights = (font["hhea"].ascender, table.sCapHeight, table.sxHeight, font["hhea"].descender)
    print("#", *(round(height * scale) for height in heights))
    for character in CHARACTERS:
        if ord(character) not in names:
            sys.exit(f"{path} has no {character!r}")
        name = names[ord(character)]
        pen = DecomposingRecordingPen(glyphs)
        glyphs[name].draw(pen)
        print(f"{ord(character):04X} {round(glyphs[name].width * scale)} {outline(pen.value, scale)}".rstrip())


def outline(steps, scale):
    letters = {"moveTo": "M", "lineTo": "L", "curveTo": "C", "closePath": "Z", "endPath": "Z"}
    text = ""
    for verb, points in steps:
        numbers = " ".join(f"{round(x * scale)} {round(y * scale)}" for x, y in points)
        text += letters[verb] + numbers
    return text


main(sys.argv[1])
