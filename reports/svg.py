# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What charts are drawn with: SVG that follows the page's colours and fonts."""

import io
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

from model import percent  # noqa: E402

# Drawn in this colour, and replaced by the page's own text colour.
INK = "#010203"
# To be told apart on white and on black, and by the colour-blind.
COLOURS = ["#2f7fc1", "#d97c1e", "#2e9c6b", "#c2559a", "#8a74d6", "#b59a00", "#5d9fb5",
           "#c0564b", "#7c8796", "#6f9e2f", "#a8683f"]
MARKERS = "osD^vPX<>*h"
FLOOR = "#8b95a1"

STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "iodirty", "font.family": "sans-serif",
    "font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlesize": 11,
    "axes.titleweight": "bold", "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": INK,
    "grid.alpha": 0.14, "grid.linewidth": 0.6, "axes.linewidth": 0.8, "legend.frameon": False,
    "lines.linewidth": 1.8, "lines.markersize": 5, "figure.autolayout": True,
    "axes.axisbelow": True, "text.parse_math": False,
}


def to_svg(figure, name, description):
    """Standalone SVG text; ids carry @name, so that many fit one page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True,
                   metadata={"Date": None, "Creator": "iodirty", "Title": description})
    plt.close(figure)
    svg = buffer.getvalue().replace(INK, "currentColor")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'url\(#', f'url(#{name}-', svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', svg)
    return re.sub(r"font: ([^;\"']*?)'[^\"]*?sans-serif", r"font: \1 sans-serif", svg)


def plain(value, _position=None):
    return f"{value:g}"


def density_axis(axis, densities):
    axis.set_xticks(range(len(densities)), [percent(d) for d in densities])
    axis.set_xlabel("dirty leaves, %")
    axis.set_xlim(-0.3, len(densities) - 0.7)


def log_axis(axis, which="y"):
    getattr(axis, f"set_{which}scale")("log")
    target = getattr(axis, f"{which}axis")
    low, high = getattr(axis, f"get_{which}lim")()
    steps = (1, 2, 5) if high / low < 200 else (1,)
    target.set_major_locator(matplotlib.ticker.LogLocator(subs=steps))
    target.set_major_formatter(FuncFormatter(plain))
    target.set_minor_formatter(NullFormatter())


def draw(axis, cells, densities, counter, **style):
    points = [(densities.index(c.density), c[counter]) for c in cells if c[counter] is not None]
    if points:
        axis.plot(*zip(*points), **style)
