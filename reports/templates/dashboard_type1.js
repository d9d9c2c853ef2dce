/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/* What type1 reports, and so makes a migration send, beside what was written and IOMMU tracking. */
(() => {
	const {h, table, choice, load, fresh, passes, day, number, short, moment} = iodirty;
	const PAGE = 4096;

	function size(bytes) {
		for (const [unit, of] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 1024]])
			if (bytes >= of)
				return `${short(bytes / of)} ${unit}`;
		return `${short(bytes)} B`;
	}

	const times = (a, b) => b ? `×${short(a / b)}` : "–";

	/* Figures that fit the page: drawn when it is there. */
	function figure(groups, label, caption) {
		const holder = h("div", {class: "holder"});
		const paint = () => holder.replaceChildren(iodirty.chart.bars({groups, label,
			width: Math.max(Math.floor(holder.clientWidth) || 900, 300)}));
		return {holder, paint, node: h("figure", {class: "wide"}, holder, h("figcaption", null, caption))};
	}

	const key = () => h("p", {class: "legend small", "aria-hidden": "true"},
		[["written", "was written"], ["iommu", "IOMMU tracking"], ["type1", "type1"]].map(
			([kind, words]) => h("span", {class: "item"}, h("span", {class: `swatch ${kind}`}), words)));

	function bench(rows, where) {
		const chart = figure(rows.map((r) => ({name: r.name.replace(/^type1\//, ""), bars: [
			{value: r.written, kind: "written", words: `${number(r.written)} pages written`},
			{value: r.iommufd, kind: "iommu", words: `${number(r.iommufd)} by IOMMU tracking`},
			{value: r.type1, kind: "type1", words: `${number(r.type1)} by type1`}]})),
		`Pages written and reported, ${where}; its numbers are in the table below`,
		`Pages reported for what was written, ${where}.`);
		return [chart, [chart.node, table(`What each reports, ${where}`,
			["measured", "pages written", "IOMMU reports", "type1 reports", "IOMMU sends", "type1 sends",
				"sent, type1 / IOMMU", "type1 / written", "run"],
			rows.map((r) => [r.name, number(r.written), number(r.iommufd), number(r.type1),
				size(r.iommufd * PAGE), size(r.type1 * PAGE), times(r.type1, r.iommufd),
				times(r.type1, r.written), h("a", {href: fresh("run", {id: r.run})},
					`${r.run.slice(0, 8)}, ${day(r.time)}`)]), [1, 2, 3, 4, 5, 6, 7])]];
	}

	function migrations(rows, where) {
		const kind = (t) => t === "type1" ? "type1" : t === "nobody" ? "nobody" : "iommu";
		const byName = rows.reduce((m, r) => m.set(r.name, [...m.get(r.name) || [], r]), new Map());
		const chart = figure([...byName].map(([name, all]) => ({name, bars: all.map((r) => ({
			value: r.sent, kind: kind(r.tracker), words: `${size(r.sent)} with ${r.tracker}`}))})),
		`Bytes sent by a migration, ${where}; its numbers are in the table below`,
		`Bytes that a migration sends, by tracker, ${where}.`);
		return [chart, [chart.node, table(`What a migration sends, ${where}`,
			["workload", "tracker", "sent", "other figures", "run"],
			rows.map((r) => [r.name, r.tracker, size(r.sent), r.others.map(
				([name, value]) => `${name} ${short(value)}`).join(", "), h("a", {
				href: fresh("run", {id: r.run})}, `${r.run.slice(0, 8)}, ${moment(r.time)}`)]), [2])]];
	}

	iodirty.view("type1", "Type1", async (query) => {
		const data = await load("type1"), charts = [], parts = [];
		const sections = (all, title, draw) => {
			const groups = new Map();
			for (const row of all.filter((r) => passes(r, query))) {
				const where = `on ${row.target}, kernel ${row.kernel}, machine ${row.machine}`;
				groups.set(where, [...groups.get(where) || [], row]);
			}
			if (groups.size)
				parts.push(h("h3", null, title));
			for (const [where, rows] of groups) {
				const [chart, nodes] = draw(rows, where);
				charts.push(chart);
				parts.push(h("section", {"aria-label": `${title} ${where}`}, nodes));
			}
		};
		sections(data.bench, "Measured: one report", bench);
		const cases = [...new Set(data.migrations.map((r) => r.case))].sort();
		const shown = query.get("case") || cases[0];
		sections(data.migrations.filter((r) => r.case === shown), `Whole migrations, ${shown}`,
			migrations);
		return {title: "Type1 against IOMMU tracking", fitted: () => {
			const paint = () => charts.forEach((c) => c.paint());
			paint();
			if (charts.length)
				iodirty.onResize(charts[0].holder, paint);
		}, parts: [h("p", null, "A VFIO container (type1) reports all that is pinned as dirty, whatever "
			+ "was written; the IOMMU's dirty bits tell what was. A migration sends again what is "
			+ "reported. The last run of each machine that measured it:"), key(),
		cases.length > 1 && h("form", {class: "choices", "aria-label": "Which migrations",
			submit: (e) => e.preventDefault()},
		choice("type1", "case", "whole migrations", cases, cases[0])), parts.length ? parts
			: h("p", null, "No run that passes the filters measured it: iodirty bench --set type1, or "
				+ "iodirty report.")]};
	});
})();

iodirty.start();
