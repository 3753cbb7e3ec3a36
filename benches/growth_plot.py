"""Seconds over tasks, rows and features as a picture: the table of growth.sh in, SVG out."""

import math
import sys

cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in sys.stdin if line.startswith("| ")]
names, rows = cells[0][3:], [([int(x) for x in row[:3]], [float(x.split()[0]) for x in row[3:]]) for row in cells[1:]]
base = [500, 200, 100]
panels = [
    (name, sorted((size[at], seconds) for size, seconds in rows if size[:at] + size[at + 1 :] == base[:at] + base[at + 1 :]))
    for at, name in enumerate(cells[0][:3])
]
colors = ["#0a5d9c", "#b4530a"]
w, h, left, top = 220, 190, 50, 30
low, high = math.log10(0.1), math.log10(20)
out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * (w + left) + 10}" height="{h + 90}" font-family="sans-serif" font-size="12">']
out.append('<title>Seconds of one fit over tasks, rows and features, both axes logarithmic</title><rect width="100%" height="100%" fill="#fff"/>')
for p, (name, points) in enumerate(panels):
    x0 = p * (w + left) + left
    first, last = math.log10(points[0][0]), math.log10(points[-1][0])
    px = lambda v: x0 + 10 + (math.log10(v) - first) / (last - first) * (w - 40)
    py = lambda s: top + h - (math.log10(s) - low) / (high - low) * h
    for s in (0.1, 1, 10):
        out.append(f'<path d="M{x0} {py(s):.1f}h{w - 10}" stroke="#ddd"/><text x="{x0 - 6}" y="{py(s) + 4:.1f}" text-anchor="end">{s:g} s</text>')
    for value, _ in points:
        out.append(f'<text x="{px(value):.1f}" y="{top + h + 18}" text-anchor="middle">{value}</text>')
    out.append(f'<text x="{x0 + w / 2 - 5:.1f}" y="{top + h + 38}" text-anchor="middle">{name}</text>')
    for k, color in enumerate(colors):
        line = " ".join(f"{px(value):.1f},{py(seconds[k]):.1f}" for value, seconds in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{px(v):.1f}" cy="{py(s[k]):.1f}" r="3" fill="{color}"><title>{names[k]}, {v} {name}: {s[k]} s</title></circle>' for v, s in points]
for k, color in enumerate(colors):
    out.append(f'<text x="{left + 150 * k}" y="{h + 84}" fill="{color}">{names[k]}</text>')
print("\n".join(out) + "\n</svg>")
