/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/*
 * Benchmark series: a list, and a page each with its chart, changes, and every value as a table.
 * What is listed are ratios and counts: each is over another of the same run, and so can be held
 * against other days. A time is shown on the page of its ratio, below it.
 */
(() => {
	const {h, table, paged, choice, load, address, fresh, go, passes, day, moment, number,
		short, percent} = iodirty;
	const DAY = 86400;

	/* "1.2 % of 3 Nov" of a series' newest change. */
	function changed(one) {
		const c = one.change;
		return c ? [percent(c.ratio), " ", h("span", {class: c.worse ? "tag bad" : "tag"},
			c.worse ? "worse" : "better"), ` ${day(c.time)}`] : "";
	}

	function fits(one, query) {
		const words = (query.get("q") || "").toLowerCase().split(/\s+/);
		return passes(one, query) && (!query.get("metric") || one.metric === query.get("metric"))
			&& (!query.get("set") || one.set === query.get("set"))
			&& (query.get("only") !== "changed" || one.change)
			&& (query.get("only") !== "worse" || one.change && one.change.worse)
			&& words.every((w) => one.name.toLowerCase().includes(w));
	}

	function listed(all, query) {
		const listing = all.series.filter((one) => !one.time);
		const found = listing.filter((one) => fits(one, query));
		/* Ratios first, then by what changed last. */
		found.sort((a, b) => b.ratio - a.ratio || (b.change ? b.change.time : 0)
			- (a.change ? a.change.time : 0) || a.name.localeCompare(b.name));
		const unique = (key) => [...new Set(listing.map((one) => one[key]))].sort();
		const search = h("label", null, "name ", h("input", {type: "search", id: "choose-q",
			value: query.get("q") || "", change: (e) => go("series", {q: e.target.value, page: null})}));
		return [h("form", {class: "choices", "aria-label": "Which series",
			submit: (e) => e.preventDefault()},
		choice("series", "set", "set", unique("set")),
		choice("series", "metric", "metric", unique("metric")),
		choice("series", "only", "only", [["changed", "what changed"], ["worse", "what is worse"]]),
		search),
		h("p", {class: "faint"}, "Ratios first: each is a time over another of the same run, and so "
			+ "depends little on the machine. Times stand on the page of their ratio."),
		paged("Series", ["series", "metric", "target", "kernel", "machine", "now", "usual", "runs", "last change"],
			found.map((one) => () => [h("a", {href: fresh("series", {id: one.id})}, one.name),
				one.metric, one.target, one.kernel, one.machine, short(one.level),
				`${short(one.usual[0])} to ${short(one.usual[1])}`, number(one.count), changed(one)]),
			[5, 7], "series", query.get("page"))];
	}

	/* ---- one series ---- */

	const asDay = (t) => new Date(t * 1000).toISOString().slice(0, 10);
	const dayStart = (text) => Date.parse(`${text}T00:00:00Z`) / 1000;

	/* What the address says, or all: [from, to], and its ends as the data has them. */
	function range(times, query) {
		const ends = [times[0], times[times.length - 1]];
		const from = dayStart(query.get("from")), to = dayStart(query.get("to")) + DAY;
		return {ends, shown: [Number.isFinite(from) ? from : ends[0],
			Number.isFinite(to) ? to : ends[1]]};
	}

	function zoomTo(from, to) {
		go("series", {from: asDay(from), to: asDay(Math.max(to - 1, from)), page: null});
	}

	function controls({ends, shown}) {
		const [from, to] = shown, width = to - from;
		const button = (id, words, a, b) => h("button", {type: "button", id: `zoom-${id}`,
			click: () => zoomTo(a, b)}, words);
		const date = (key, label, value) => h("label", null, `${label} `, h("input", {type: "date",
			id: `range-${key}`, value: asDay(value), change: (e) => {
				if (e.target.value)
					go("series", {[key]: e.target.value, page: null});
			}}));
		return h("form", {class: "choices", "aria-label": "Zoom", submit: (e) => e.preventDefault()},
			date("from", "from", from), date("to", "to", to - 1),
			button("in", "zoom in", from + width / 4, to - width / 4),
			button("out", "zoom out", from - width / 2, to + width / 2),
			button("back", "earlier", from - width / 2, to - width / 2),
			button("on", "later", from + width / 2, to + width / 2),
			button("month", "last 30 days", ends[1] - 30 * DAY, ends[1]),
			h("button", {type: "button", id: "zoom-all",
				click: () => go("series", {from: null, to: null, page: null})}, "all"),
			h("span", {class: "faint"}, "or drag over the chart with a mouse"));
	}

	function drawn(one, record, runs, shown) {
		const {run, value, low, high} = record, time = run.map((r) => runs.started[r]);
		const inside = [...run.keys()].filter((i) => time[i] >= shown[0] && time[i] <= shown[1]);
		const words = (c) => `${day(c.time)}: ${percent(c.ratio)}, ${c.worse ? "worse" : "better"}`;
		const changes = record.changes.map((c) => ({...c, time: runs.started[c.run],
			run: runs.id[c.run], href: fresh("run", {id: runs.id[c.run]})}));
		const stretches = record.stretches.map((b) => ({...b, from: runs.started[b.from],
			to: runs.started[b.to]}));
		const holder = h("div", {class: "holder"}), note = h("p", {class: "small faint"});
		const paint = () => {
			const width = Math.max(Math.floor(holder.clientWidth) || 900, 300);
			const {svg, beyond} = iodirty.chart.series({
				time, value, low, high, stretches, range: shown, width,
				hrefs: (i) => fresh("run", {id: runs.id[run[i]]}),
				changes: changes.map((c) => ({...c, label: `Change ${words(c)}: run `
					+ `${c.run.slice(0, 8)}, commit ${c.commit.slice(0, 12) || "unknown"}`})),
				zoom: zoomTo, label: `Chart of ${one.metric} of ${one.name}; its numbers are in the `
					+ "tables below"});
			holder.replaceChildren(svg);
			note.textContent = beyond ? `${number(beyond)} value${beyond === 1 ? " is" : "s are"} `
				+ "beyond the chart's edges, and drawn hollow there." : "";
		};
		return {paint, inside, holder, figure: h("figure", {class: "wide"}, holder,
			h("figcaption", null, h("strong", null, one.metric), ` of ${one.name}, by run. The line is `
				+ "the median of each stretch without a change, the band its confidence interval of "
				+ "95 %; a triangle is where it changed."), note), changes, stretches};
	}

	function changeTable(one, changes) {
		if (!changes.length)
			return h("p", null, "No change was found in this series.");
		return table(`Changes of ${one.metric}, the newest first`,
			["when", "change", "between (95 %)", "from", "to", "run", "commit"],
			[...changes].reverse().map((c) => [day(c.time),
				[percent(c.ratio), " ", h("span", {class: c.worse ? "tag bad" : "tag"},
					c.worse ? "worse" : "better")],
				c.low === null ? "–" : `${percent(c.low)} to ${percent(c.high)}`, short(c.before),
				short(c.after), h("a", {href: c.href}, c.run.slice(0, 8)),
				h("code", null, c.commit.slice(0, 12))]), [3, 4]);
	}

	function valueTable(one, record, runs, inside, query) {
		const rows = [...inside].reverse().map((i) => () => {
			const r = record.run[i];
			return [moment(runs.started[r]), short(record.value[i]), record.low[i] === null ? "–"
				: `${short(record.low[i])} to ${short(record.high[i])}`, number(record.samples[i]),
			h("a", {href: fresh("run", {id: runs.id[r]})}, runs.id[r].slice(0, 8)),
			h("code", null, runs.commit[r].slice(0, 12)), runs.kernel[r]];
		});
		return paged(`Values of ${one.metric} in the range shown`,
			["when", "value", "interval", "samples", "run", "commit", "kernel"], rows, [1, 3], "series",
			query.get("page"));
	}

	async function page(all, one, query) {
		/* The ratio's or count's own chart, then the times of the same cell. */
		const group = [one, ...all.series.filter((t) => t.time && !one.time && t.ratioId === one.id)];
		const [runs, ...records] = await Promise.all([iodirty.runs(),
			...group.map((g) => load(`series-${g.file}`))]);
		const span = range(records[0].run.map((r) => runs.started[r]), query);
		const parts = group.map((g, n) => drawn(g, records[n], runs, span.shown));
		const paint = () => parts.forEach((p) => p.paint());
		return {title: `${one.metric} of ${one.name}`, fitted: () => {
			paint();
			iodirty.onResize(parts[0].holder, paint);
		}, parts: [
			h("p", null, `On ${one.target}, kernel ${one.kernel}, machine ${one.machine}. `, h("a", {
				href: fresh("series")}, "All series")),
			controls(span),
			...group.flatMap((g, n) => [n > 0 && h("h3", null, `${g.metric}: the time behind the ratio`),
				parts[n].figure, changeTable(g, parts[n].changes),
				stretchTable(g, parts[n].stretches)]),
			valueTable(one, records[0], runs, parts[0].inside, query),
			...group.slice(1).map((g, n) => valueTable(g, records[n + 1], runs, parts[n + 1].inside,
				query)),
		]};
	}

	function stretchTable(one, stretches) {
		return h("details", null, h("summary", null, "Levels and their confidence"),
			table(`Stretches of ${one.metric} without a change`, ["from", "to", "median", "confidence"],
				stretches.map((b) => [day(b.from), day(b.to), short(b.level),
					`${short(b.low)} to ${short(b.high)}`]), [2]));
	}

	iodirty.view("series", "Series", async (query) => {
		const all = await load("series"), id = query.get("id");
		const one = all.series.find((o) => o.id === id);
		if (one)
			return page(all, one, query);
		if (id)
			return {title: "This series is not in the history", parts: [h("p", null,
				h("a", {href: fresh("series")}, "All series"))]};
		return {title: "Benchmark series", parts: listed(all, query)};
	});
})();
