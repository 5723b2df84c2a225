# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Renders lines of text as pictures: those that lie in pictures/, or with --seed
# ten new ones that nobody has seen before. Writes NAME.png and a line
# `NAME.png<TAB>text` in pictures.txt. Needs Pillow and three free fonts: DejaVu,
# Liberation (SIL OFL) and WenQuanYi Micro Hei (Apache-2.0).
import argparse
import os
import random

from PIL import Image, ImageDraw, ImageFont

FONTS = "/usr/share/fonts/truetype/"
DEJAVU = FONTS + "dejavu/DejaVuSans.ttf"
LIBERATION = FONTS + "liberation/LiberationSerif-Regular.ttf"
WENQUANYI = FONTS + "wqy/wqy-microhei.ttc"

# name, text, font, size, ink, paper
SHIPPED = [
    ("total", "Total: 1,284.50", DEJAVU, 32, (20, 20, 20), (255, 255, 255)),
    ("date", "2026-11-21 08:45", LIBERATION, 36, (0, 0, 0), (250, 246, 230)),
    ("greeting", "你好世界", WENQUANYI, 36, (10, 10, 60), (255, 255, 255)),
    ("street", "北京市海淀区中关村大街27号", WENQUANYI, 30, (0, 0, 0), (240, 240, 240)),
    ("phone", "+49 30 901820", DEJAVU, 28, (255, 255, 255), (40, 60, 90)),
    ("compiler", "one object file", LIBERATION, 40, (60, 0, 0), (255, 255, 255)),
    ("sign", "小心台阶", WENQUANYI, 44, (255, 255, 0), (30, 30, 30)),
    ("short", "Gate 7", DEJAVU, 36, (0, 60, 0), (235, 255, 235)),
    ("book", "The quick brown fox jumps over the lazy dog", LIBERATION, 30, (0, 0, 0),
     (255, 255, 255)),
    ("price", "¥39.90", WENQUANYI, 38, (180, 0, 0), (255, 255, 255)),
    ("mixed", "第3章 Shape inference", WENQUANYI, 32, (0, 0, 0), (255, 250, 240)),
    ("mail", "hello@example.org", DEJAVU, 30, (0, 0, 90), (255, 255, 255)),
    ("serial", "SN 8F2K-77Q0-1954", LIBERATION, 34, (30, 30, 30), (220, 225, 230)),
    ("poem", "床前明月光,疑是地上霜", WENQUANYI, 34, (20, 20, 20), (248, 244, 236)),
]

WORDS = ("river stone window paper garden silver morning letter market bridge winter "
         "signal harbor planet copper forest").split()
CHINESE = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少白日依山尽黄河入海流"


def draw(path, text, font, size, ink, paper):
    face = ImageFont.truetype(font, size)
    left, top, right, bottom = face.getbbox(text)
    edge = size // 4
    picture = Image.new("RGB", (right - left + 2 * edge, bottom - top + 2 * edge), paper)
    ImageDraw.Draw(picture).text((edge - left, edge - top), text, font=face, fill=ink)
    picture.save(path, optimize=True)


def seeded(seed):
    dice = random.Random(seed)
    for index in range(10):
        kind = index % 3
        if kind == 0:
            text, font = " ".join(dice.sample(WORDS, dice.randint(1, 4))), LIBERATION
        elif kind == 1:
            text, font = f"{dice.randint(1, 99999)}.{dice.randint(0, 99):02d}", DEJAVU
        else:
            text = "".join(dice.sample(CHINESE, dice.randint(3, 12)))
            font = WENQUANYI
        dark = tuple(dice.randint(0, 70) for _ in range(3))
        light = tuple(dice.randint(215, 255) for _ in range(3))
        ink, paper = (dark, light) if dice.random() < 0.8 else (light, dark)
        yield f"seed{seed}-{index}", text, font, dice.randint(26, 44), ink, paper


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("-o", "--output", required=True, metavar="DIR")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    rows = SHIPPED if options.seed is None else list(seeded(options.seed))
    with open(os.path.join(options.output, "pictures.txt"), "w", encoding="utf-8") as listing:
        for name, text, *style in rows:
            draw(os.path.join(options.output, name + ".png"), text, *style)
            listing.write(f"{name}.png\t{text}\n")


main()
