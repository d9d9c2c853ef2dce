/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/* What is wrong now, the newest first; what else happened; the last run of each line. */
(() => {
	const {h, table, link, fresh, load, moment, number, passes, verdict} = iodirty;
	const FEW = 20;

	/* @event: its words, and where its parts lead. */
	function item(event) {
		return h("li", null, event.text, " ",
			event.links.map(([words, view, keys]) =>
				[h("a", {href: fresh(view, keys)}, words), " "]));
	}

	/* All of them are in the page, those beyond the first few folded away. */
	function list(events, none) {
		if (!events.length)
			return h("p", null, none);
		const rest = events.slice(FEW);
		return [h("ul", {class: "events"}, events.slice(0, FEW).map(item)),
			rest.length > 0 && h("details", null, h("summary", null, `${number(rest.length)} more`),
				h("ul", {class: "events"}, rest.map(item)))];
	}

	function folded(title, note, events) {
		return h("details", {class: "also"}, h("summary", null, `${title}: ${number(events.length)}`),
			h("p", {class: "faint"}, note), list(events, "None."));
	}

	function latest(heads) {
		const rows = heads.latest.filter((l) => passes(heads.lines[l.line]));
		return table("The last run of each target, kernel and machine. Cases of informative requirements, "
			+ "which judge nothing, count among those that failed",
			["target", "kernel", "machine", "kind", "run", "when", "verdict", "commit", "failed cases"],
			rows.map((l) => {
				const line = heads.lines[l.line];
				return [line.target, line.kernel, line.machine, l.kind,
					h("a", {href: fresh("run", {id: l.id})}, l.id.slice(0, 8)), moment(l.started),
					verdict(l.verdict), h("code", null, l.commit.slice(0, 12)), number(l.bad)];
			}), [8]);
	}

	iodirty.view("overview", "Overview", async (query) => {
		const heads = await load("heads");
		if (!heads.counts.runs)
			return {title: "Overview", parts: [h("p", null, "The history has no runs yet. Add some: "),
				h("pre", null, "iodirty history add DIR...\niodirty dashboard")]};
		const mine = (events) => events.filter((e) => passes(e, query));
		const wrong = mine(heads.wrong);
		const slow = wrong.filter((e) => e.kind === "measure").length;
		const lines = heads.lines.filter((l) => passes(l, query));
		const title = wrong.length === 0 ? "Nothing is known to be wrong"
			: `${number(wrong.length)} thing${wrong.length === 1 ? " is" : "s are"} wrong`;
		return {title, parts: [
			h("p", {class: "counts"}, `${number(wrong.length - slow)} of conformance, `
				+ `${number(slow)} of benchmarks; ${number(lines.reduce((n, l) => n + l.runs, 0))} runs `
				+ `on ${number(lines.length)} combinations of target, kernel and machine; `
				+ `${number(heads.counts.requirements)} requirements, `
				+ `${number(heads.counts.series)} series in all. `,
			h("a", {href: link("matrix", {only: "bad"})}, "What is bad, as a matrix"), "."),
			h("section", {"aria-labelledby": "wrong"}, h("h3", {id: "wrong"}, "What is wrong now"),
				list(wrong, "No requirement that must hold fails, and no benchmark is worse than it was.")),
			h("section", {"aria-labelledby": "also"}, h("h3", {id: "also"}, "What else happened"),
				folded("Fixed, or faster", "What was wrong before, and what a benchmark gained.",
					mine(heads.better)),
				folded("Flakes", "A verdict that was another one in a single run, or few, and turned back.",
					mine(heads.flakes)),
				folded("Coverage", "What began, or ceased, to be tried, or fails and judges nothing.",
					mine(heads.coverage))),
			h("section", {"aria-labelledby": "latest"}, h("h3", {id: "latest"}, "Last runs"),
				latest(heads)),
		]};
	});
})();
