/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/*
 * Charts as SVG: colours are the style sheet's, so they are right in the dark and on paper, a
 * change is a link that the tabulator reaches, and text is text. Who calls puts a table behind it.
 */
iodirty.chart = (() => {
	const {s, day, short} = iodirty;
	const LEFT = 62, RIGHT = 12, TOP = 26, BOTTOM = 30;

	/* About @n round numbers from @low to @high. */
	function ticks(low, high, n) {
		const rough = (high - low) / n, power = 10 ** Math.floor(Math.log10(rough));
		const step = power * [1, 2, 5, 10].find((m) => power * m >= rough);
		const found = [];
		for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step)
			found.push(Number(v.toPrecision(12)));
		return found;
	}

	/* Days that divide the time well. */
	function days(from, to, n) {
		const DAY = 86400, step = [1, 2, 7, 14, 30, 61, 91, 182, 365, 730, 3650].find(
			(d) => (to - from) / (d * DAY) <= n) || 36500;
		const found = [];
		for (let t = Math.ceil(from / DAY) * DAY; t <= to; t += step * DAY)
			found.push(t);
		return found;
	}

	/* What is drawn of values: all but the most extreme 1 of 100 at either end, and every level. */
	function span(values, levels) {
		const sorted = Float64Array.from(values).sort();
		const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
		const low = Math.min(at(0.01), ...levels), high = Math.max(at(0.99), ...levels);
		const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
		return [low - pad, high + pad];
	}

	/*
	 * Points of one column of pixels become a line from the least to the greatest: drawing alone.
	 * @points: sorted by x.
	 */
	function columnsOf(points) {
		const found = new Map();
		for (const p of points) {
			const x = Math.round(p.x), c = found.get(x);
			if (!c)
				found.set(x, {x, low: p.y, high: p.y});
			else {
				c.low = Math.min(c.low, p.y);
				c.high = Math.max(c.high, p.y);
			}
		}
		return [...found.values()];
	}

	/*
	 * @time, @value, @low, @high: arrays, in the order of time; @stretches: {from, to, level, low,
	 * high}; @changes: {time, value, href, label, worse}; @range: [from, to]; @zoom(from, to).
	 */
	function series({time, value, low, high, hrefs, stretches, changes, range, zoom, label, width}) {
		const height = width < 500 ? 240 : 320, inner = width - LEFT - RIGHT;
		const [from, to] = range[0] < range[1] ? range : [range[0] - 43200, range[0] + 43200];
		const inside = [...time.keys()].filter((i) => time[i] >= from && time[i] <= to);
		const bands = stretches.filter((b) => b.to >= from && b.from <= to);
		const [bottom, top] = span(inside.map((i) => value[i]),
			bands.flatMap((b) => [b.low, b.high]));
		const X = (t) => LEFT + (t - from) / (to - from) * inner;
		const clamp = (v) => Math.min(Math.max(v, bottom), top);
		const Y = (v) => TOP + (top - clamp(v)) / (top - bottom) * (height - TOP - BOTTOM);
		const svg = s("svg", {viewBox: `0 0 ${width} ${height}`, class: "chart", role: "group",
			"aria-label": label});

		for (const v of ticks(bottom, top, height < 300 ? 4 : 6))
			svg.append(s("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: Y(v), y2: Y(v)}),
				s("text", {class: "tick", x: LEFT - 6, y: Y(v) + 4, "text-anchor": "end"}, short(v)));
		for (const t of days(from, to, Math.max(2, Math.floor(inner / 110))))
			svg.append(s("line", {class: "grid", x1: X(t), x2: X(t), y1: TOP, y2: height - BOTTOM}),
				s("text", {class: "tick", x: X(t), y: height - BOTTOM + 18, "text-anchor": "middle"},
					day(t)));
		for (const b of bands) {
			const x1 = X(Math.max(b.from, from)), x2 = Math.max(X(Math.min(b.to, to)), x1 + 2);
			svg.append(s("rect", {class: "band", x: x1, width: x2 - x1, y: Y(b.high),
				height: Math.max(Y(b.low) - Y(b.high), 1)}),
			s("line", {class: "level", x1, x2, y1: Y(b.level), y2: Y(b.level)}));
		}
		if (inside.length > 4 * inner) {
			const drawn = columnsOf(inside.map((i) => ({x: X(time[i]), y: Y(value[i])})));
			svg.append(s("path", {class: "many", d: drawn.map(
				(c) => `M${c.x} ${c.low.toFixed(1)}V${(c.high + 1).toFixed(1)}`).join("")}));
		} else {
			const r = inside.length > inner ? 1.5 : inside.length > inner / 3 ? 2 : 3;
			for (const i of inside) {
				const x = X(time[i]), out = value[i] !== clamp(value[i]);
				if (low[i] !== null && high[i] !== null)
					svg.append(s("line", {class: "interval", x1: x, x2: x, y1: Y(low[i]), y2: Y(high[i])}));
				svg.append(s("a", {href: hrefs(i), tabindex: -1, "aria-hidden": "true"},
					s("circle", {class: out ? "point beyond" : "point", cx: x, cy: Y(value[i]), r},
						s("title", null, `${day(time[i])}: ${short(value[i])}`))));
			}
		}
		for (const c of changes.filter((c) => c.time >= from && c.time <= to))
			svg.append(s("a", {href: c.href, class: c.worse ? "change worse" : "change better",
				"aria-label": c.label},
			s("line", {x1: X(c.time), x2: X(c.time), y1: TOP, y2: height - BOTTOM}),
			s("path", {d: `M${X(c.time) - 8} 4h16l-8 16z`}), s("title", null, c.label)));
		if (zoom)
			brush(svg, width, height, (a, b) => zoom(from + (a - LEFT) / inner * (to - from),
				from + (b - LEFT) / inner * (to - from)));
		const beyond = inside.filter((i) => value[i] !== clamp(value[i])).length;
		return {svg, beyond};
	}

	/* Drag over the chart: @done(x1, x2) in its units. */
	function brush(svg, width, height, done) {
		let start = null, box = null;
		const x = (event) => {
			const r = svg.getBoundingClientRect();
			return Math.min(Math.max((event.clientX - r.left) * width / r.width, LEFT), width - RIGHT);
		};
		const stop = () => {
			if (box)
				box.remove();
			start = box = null;
		};
		svg.addEventListener("pointerdown", (event) => {
			if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest("a"))
				start = x(event);
		});
		svg.addEventListener("pointermove", (event) => {
			if (start === null)
				return;
			if (!box)
				svg.append(box = s("rect", {class: "brush", y: TOP, height: height - TOP - BOTTOM}));
			box.setAttribute("x", Math.min(start, x(event)));
			box.setAttribute("width", Math.abs(x(event) - start));
		});
		svg.addEventListener("pointerup", (event) => {
			const a = start, b = x(event);
			stop();
			if (a !== null && Math.abs(b - a) > 5)
				done(Math.min(a, b), Math.max(a, b));
		});
		svg.addEventListener("pointerleave", stop);
	}

	/* Groups of bars: @groups: {name, bars: [{value, kind, words}]}, on one scale from 0. */
	function bars({groups, label, width}) {
		const BAR = 16, GAP = 30, most = Math.max(...groups.flatMap((g) => g.bars.map((b) => b.value)), 1);
		let y = 4;
		const svg = s("svg", {class: "chart", role: "img", "aria-label": label});
		for (const g of groups) {
			svg.append(s("text", {class: "name", x: 0, y: y + 13}, g.name));
			y += 20;
			for (const b of g.bars) {
				const w = Math.max(b.value / most * (width - 170), 1);
				svg.append(s("rect", {class: `bar ${b.kind}`, x: 0, y, width: w, height: BAR - 2}),
					s("text", {class: "tick", x: w + 6, y: y + 12}, b.words));
				y += BAR;
			}
			y += GAP - 20;
		}
		svg.setAttribute("viewBox", `0 0 ${width} ${y}`);
		return svg;
	}

	return {series, bars};
})();

/* @paint again when @node has another width; forgotten with the node. */
iodirty.onResize = (node, paint) => {
	let width = node.clientWidth;
	new ResizeObserver(() => {
		if (node.isConnected && node.clientWidth !== width) {
			width = node.clientWidth;
			paint();
		}
	}).observe(node);
};
