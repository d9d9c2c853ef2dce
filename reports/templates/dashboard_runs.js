/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/* The list of runs, a page of one, and two held against each other. */
(() => {
	const {h, table, paged, choice, load, address, fresh, passes, moment, number, short, percent,
		safeUrl, verdict} = iodirty;
	let columns = null;

	/* The heads of all runs, in the order of time, with ways to find one. */
	iodirty.runs = async () => {
		const [heads, stored] = await Promise.all([load("heads"), load("runs")]);
		if (!columns) {
			const commit = stored.commit.map((i) => stored.commits[i]);
			const kernel = stored.kernel.map((i) => stored.kernels[i]);
			columns = {...stored, commit, kernel, lineOf: (i) => heads.lines[stored.line[i]],
				find(text) {
					const found = stored.id.indexOf(text);
					if (found >= 0 || !/^[0-9a-f]{4,}$/.test(text || ""))
						return found;
					const near = stored.id.flatMap((id, i) => id.startsWith(text) ? [i] : []);
					return near.length === 1 ? near[0] : -1;
				}};
		}
		return columns;
	};

	async function detail(runs, i) {
		const {size} = runs.chunks, chunk = await load(`runs-${Math.floor(i / size)}`);
		const run = chunk.runs[i % size];
		return {...run, state: run.outcomes === null ? null : chunk.outcomes[run.outcomes]};
	}

	const runLink = (runs, i) => h("a", {href: fresh("run", {id: runs.id[i]})},
		h("code", null, runs.id[i].slice(0, 8)));

	iodirty.view("runs", "Runs", async (query) => {
		const runs = await iodirty.runs(), shown = [];
		for (let i = runs.id.length - 1; i >= 0; i--)
			if (passes({...runs.lineOf(i), formats: null}, query)
				&& (!query.get("kind") || runs.kinds[runs.kind[i]] === query.get("kind"))
				&& (!query.get("verdict") || runs.verdicts[runs.verdict[i]] === query.get("verdict")))
				shown.push(i);
		return {title: "Runs", parts: [
			h("form", {class: "choices", "aria-label": "Which runs", submit: (e) => e.preventDefault()},
				choice("runs", "kind", "kind", runs.kinds),
				choice("runs", "verdict", "verdict", runs.verdicts)),
			paged("Runs, the newest first",
				["run", "when", "target", "kernel", "machine", "kind", "verdict", "failed cases", "commit"],
				shown.map((i) => () => {
					const line = runs.lineOf(i);
					return [runLink(runs, i), moment(runs.started[i]), line.target, runs.kernel[i],
						line.machine, runs.kinds[runs.kind[i]], verdict(runs.verdicts[runs.verdict[i]]),
						number(runs.bad[i]), h("code", null, runs.commit[i].slice(0, 12))];
				}), [7], "runs", query.get("page")),
		]};
	});

	/* ---- one run ---- */

	/* The run before @i on the same line, of the same kind. */
	function before(runs, i) {
		for (let j = i - 1; j >= 0; j--)
			if (runs.line[j] === runs.line[i] && runs.kind[j] === runs.kind[i])
				return j;
		return -1;
	}

	function facts(runs, i, run) {
		const line = runs.lineOf(i), url = safeUrl(run.url);
		const pairs = [["run", h("code", null, runs.id[i])], ["started", moment(runs.started[i])],
			["kind", runs.kinds[runs.kind[i]]], ["target", line.target], ["kernel", runs.kernel[i]],
			["machine", `${line.machine} (${run.machine}, ${run.cpu})`],
			["what was tested", run.subject], ["commit", runs.commit[i] && [
				h("code", null, runs.commit[i]), run.clean === false && " with local changes"]],
			["iodirty", run.iodirty], ["more", run.url && (url ? h("a", {href: url,
				rel: "noopener noreferrer"}, url) : run.url)]];
		return h("dl", {class: "facts"}, pairs.filter(([, v]) => v).map(
			([k, v]) => [h("dt", null, k), h("dd", null, v)]));
	}

	function failures(run, query) {
		if (!run.failures.length)
			return h("p", null, "No case failed.");
		return paged("Cases that failed", ["requirement", "configuration", "test", "verdict", "message"],
			run.failures.map(([requirement, config, test, name, message]) => () => [requirement,
				config === "-" ? "any" : config, test, verdict(name), h("pre", null, message)]), [], "run",
			query.get("page"), 100);
	}

	/* Ratios, then counts, then times. */
	function ordered(all, measures) {
		const rank = (one) => one.ratio ? 0 : one.time ? 2 : 1;
		return measures.map(([n, ...rest]) => [all.series[n], ...rest]).filter(
			([one]) => passes({formats: one.formats})).sort(
			([a], [b]) => rank(a) - rank(b) || a.name.localeCompare(b.name));
	}

	function measures(all, run) {
		if (!run.measures.length)
			return h("p", null, "Nothing was measured.");
		return table("What was measured, ratios first",
			["series", "metric", "value", "interval", "samples", "usual"],
			ordered(all, run.measures).map(([one, value, low, high, samples]) => [
				h("a", {href: fresh("series", {id: one.time && one.ratioId || one.id})}, one.name),
				one.metric, short(value), low === null ? "–" : `${short(low)} to ${short(high)}`,
				number(samples), `${short(one.usual[0])} to ${short(one.usual[1])}`]), [2, 4]);
	}

	function compareForm(runs, a, b) {
		const field = (id, label, value) => h("label", null, `${label} `, h("input", {id, value,
			pattern: "[0-9a-f]{4,32}", size: 12, required: true, autocomplete: "off"}));
		return h("form", {class: "choices", "aria-label": "Compare two runs", submit: (event) => {
			event.preventDefault();
			const value = (id) => document.getElementById(id).value.trim();
			location.hash = fresh("compare", {a: value("run-a"), b: value("run-b")});
		}}, field("run-a", "run", a), field("run-b", "with run", b), h("button", {id: "compare"},
			"compare"), h("span", {class: "faint"}, "the first digits of each are enough"));
	}

	iodirty.view("run", null, async (query) => {
		const runs = await iodirty.runs(), i = runs.find(query.get("id"));
		if (i < 0)
			return {title: "This run is not in the history", parts: [
				h("p", null, h("a", {href: fresh("runs")}, "All runs"))]};
		const [all, run] = await Promise.all([load("series"), detail(runs, i)]);
		const previous = before(runs, i);
		return {title: `Run ${runs.id[i].slice(0, 8)}: ${runs.verdicts[runs.verdict[i]]}`, parts: [
			facts(runs, i, run),
			compareForm(runs, previous < 0 ? "" : runs.id[previous].slice(0, 12), runs.id[i].slice(0, 12)),
			h("h3", null, "Totals"),
			Object.keys(run.totals).length ? table("Cases by verdict", ["verdict", "cases"],
				Object.entries(run.totals).map(([v, n]) => [verdict(v), number(n)]), [1])
				: h("p", null, "No conformance in this run."),
			h("h3", null, "Failures"), failures(run, query),
			h("h3", null, "Measures"), measures(all, run)]};
	});

	/* ---- two runs ---- */

	function verdicts(heads, matrix, a, b) {
		if (a.state === null || b.state === null)
			return h("p", null, "One of the two has no conformance.");
		const of = new Map(heads.verdicts.map((v) => [v.code, v.name])), rows = [];
		const name = (code) => code === "." ? "not tried" : verdict(of.get(code));
		const wanted = address().query.get("format");
		for (let n = 0; n < a.state.length; n++) {
			const format = matrix.formats[n % matrix.formats.length];
			if (a.state[n] !== b.state[n] && (!wanted || format === wanted || format === "-"))
				rows.push(() => [matrix.requirements[Math.floor(n / matrix.formats.length)].id,
					format === "-" ? "any" : format, name(a.state[n]), name(b.state[n])]);
		}
		return rows.length ? paged("Verdicts that differ", ["requirement", "format", "first", "second"],
			rows, [], "compare", address().query.get("page"))
			: h("p", {id: "alike"}, "All verdicts are the same.");
	}

	/*
	 * Is the second, @value, outside of what is usual for the stretch in which the first, @old, was?
	 * One of 20 is; what is worth a look is also another value than the first by 3 %.
	 */
	function outside(stretch, old, value) {
		if (!stretch)
			return "unknown";
		const [, , low, high] = stretch;
		if (value >= low && value <= high)
			return "within";
		return h(Math.abs(value - old) >= 0.03 * Math.abs(old) ? "strong" : "span", null,
			value > high ? "above" : "below");
	}

	function compared(all, i, a, b) {
		const key = (one) => `${one.name}\n${one.metric}`;
		const first = new Map(ordered(all, a.measures).map((m) => [key(m[0]), m]));
		const both = ordered(all, b.measures).filter(([one]) => first.has(key(one)));
		if (!both.length)
			return h("p", null, "Nothing was measured by both.");
		const rows = both.map(([one, value]) => {
			const [same, old] = first.get(key(one));
			const stretch = same.stretches.find(([from, to]) => from <= i && i <= to);
			return [h("a", {href: fresh("series", {id: same.time && same.ratioId || same.id})},
				one.name), one.metric, short(old), short(value),
			old ? percent(value / old) : "–",
			outside(stretch, old, value)];
		});
		return table("What both measured, ratios first", ["series", "metric", "first", "second",
			"change", "beside what was usual"], rows, [2, 3, 4]);
	}

	iodirty.view("compare", "Compare", async (query) => {
		const [heads, matrix, all, runs] = await Promise.all([load("heads"), load("matrix"),
			load("series"), iodirty.runs()]);
		const [i, j] = ["a", "b"].map((k) => runs.find(query.get(k)));
		const form = compareForm(runs, query.get("a") || "", query.get("b") || "");
		if (i < 0 || j < 0)
			return {title: "Compare two runs", parts: [form, query.has("a") || query.has("b")
				? h("p", {role: "alert"}, `${i < 0 ? query.get("a") : query.get("b")} is no run of this `
					+ "history, or the beginning of several.")
				: h("p", null, "Give two runs, or open a run: it offers the one before it.")]};
		const [a, b] = await Promise.all([detail(runs, i), detail(runs, j)]);
		const side = (n) => [moment(runs.started[n]), runs.lineOf(n).target, runs.kernel[n],
			runs.lineOf(n).machine, verdict(runs.verdicts[runs.verdict[n]]),
			h("code", null, runs.commit[n].slice(0, 12))];
		return {title: "Two runs compared", parts: [form,
			table("The two runs", ["run", "when", "target", "kernel", "machine", "verdict", "commit"],
				[i, j].map((n) => [runLink(runs, n), ...side(n)])),
			h("h3", null, "Conformance"), verdicts(heads, matrix, a, b),
			h("h3", null, "Benchmarks"), h("p", {class: "faint"}, "Usual is where 95 of 100 values lay in "
				+ "the stretch without a change to which the first run belongs."),
			compared(all, i, a, b)]};
	});
})();
