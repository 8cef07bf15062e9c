"""One large picture of all the site's figures, page by page, to be looked at before a release.

Frames of explorers and what questions reveal are among them. Run: python site/contact_sheet.py
"""

import re

import yaml
from build import BUILD, PUBLISHED, ROOT
from PIL import Image, ImageDraw, ImageFont

SHEET = BUILD / "contact-sheet.png"
FIGURE = re.compile(r'src=\\?"\.\./(_images/\w+\.webp)')
WIDTH, HEIGHT = 260, 200  # of a thumbnail at most
COLUMNS, GAP, HEADING = 8, 8, 34


def pages():
    """Names of the book's pages, in reading order."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [contents["root"], *(chapter["file"] for chapter in contents["chapters"])]


def thumbnails(page):
    """The page's different figures, in the order in which its HTML holds them."""
    html = (PUBLISHED / f"{page}.html").read_text(encoding="utf-8")
    for name in dict.fromkeys(FIGURE.findall(html)):
        figure = Image.open(PUBLISHED / name).convert("RGB")
        figure.thumbnail((WIDTH, HEIGHT))
        yield figure


def band(page):
    """The page's name and below it its figures, as one image."""
    figures = list(thumbnails(page))
    rows = -(-len(figures) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * (WIDTH + GAP), HEADING + rows * (HEIGHT + GAP)), "white")
    title = f"{page}: {len(figures)} figures"
    ImageDraw.Draw(image).text((GAP, 6), title, "black", font=ImageFont.load_default(20))
    for number, figure in enumerate(figures):
        row, column = divmod(number, COLUMNS)
        image.paste(figure, (column * (WIDTH + GAP), HEADING + row * (HEIGHT + GAP)))
    return image


def main():
    bands = [band(page) for page in pages()]
    sheet = Image.new("RGB", (bands[0].width, sum(b.height for b in bands)), "white")
    top = 0
    for one in bands:
        sheet.paste(one, (0, top))
        top += one.height
    sheet.save(SHEET)
    print(f"{SHEET}: {sheet.width} x {sheet.height} pixels")


if __name__ == "__main__":
    main()
