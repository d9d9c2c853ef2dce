/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/*
 * Requirement x (target x kernel): a cell is the worst of its formats and machines, as last seen.
 * A cell opens its history. One cell is in the order of the tabulator; arrows move to the others.
 */
(() => {
	const {h, table, choice, load, link, fresh, passes, day, moment, number,
		verdict} = iodirty;

	/* Verdicts, the worst first, as characters of a line's state. */
	function scale(heads) {
		const rank = new Map(heads.verdicts.map((v, i) => [v.code, i]));
		const of = new Map(heads.verdicts.map((v) => [v.code, v]));
		return {worse: (a, b) => b === undefined || rank.get(a) < rank.get(b) ? a : b, of};
	}

	/* Columns: {target, kernel, lines: [indices]}, of the lines that pass. */
	function columns(heads, query) {
		const found = new Map();
		heads.lines.forEach((line, index) => {
			if (!line.tried || !passes({...line, formats: null}, query))
				return;
			const key = `${line.target} ${line.kernel}`;
			if (!found.has(key))
				found.set(key, {key, target: line.target, kernel: line.kernel, lines: []});
			found.get(key).lines.push(index);
		});
		return [...found.values()];
	}

	function shownFormats(matrix, query) {
		const wanted = query.get("format");
		return matrix.formats.map((name, i) => [name, i]).filter(
			([name]) => !wanted || name === wanted || name === "-");
	}

	/* Of requirement @r in a column: {code, since, where: formats that are so bad}. */
	function cell(matrix, formats, column, r, by) {
		let code, since = null;
		const at = [];
		for (const line of column.lines)
			for (const [, f] of formats) {
				const index = r * matrix.formats.length + f;
				const here = matrix.lines[line].state[index];
				if (here === ".")
					continue;
				at.push([here, index, f, line]);
				code = by.worse(here, code);
			}
		const where = new Set();
		for (const [here, index, f, line] of at) {
			const when = matrix.lines[line].changed[index];
			if (here === code)
				where.add(matrix.formats[f]);
			if (when !== undefined && (since === null || when > since))
				since = when;
		}
		return code === undefined ? null : {code, since, where: [...where]};
	}

	function rows(matrix, heads, query) {
		const by = scale(heads), formats = shownFormats(matrix, query);
		const cols = columns(heads, query), only = query.get("only");
		const bad = (c) => c && by.of.get(c.code).bad;
		const found = [];
		matrix.requirements.forEach((requirement, r) => {
			if (query.get("chapter") && requirement.chapter !== query.get("chapter"))
				return;
			if (query.get("class") && requirement.class !== query.get("class"))
				return;
			const cells = cols.map((column) => cell(matrix, formats, column, r, by));
			if (only === "bad" && !cells.some(bad))
				return;
			if (only === "changed" && !cells.some((c) => c && c.since !== null))
				return;
			if (cells.some((c) => c))
				found.push({requirement, cells});
		});
		return {cols, found, by};
	}

	function button(c, requirement, column, by, tabindex) {
		if (!c)
			return h("td", {class: "none"}, h("span", {class: "unseen"}, "not tried"));
		const v = by.of.get(c.code);
		const since = c.since === null ? "" : `, changed ${day(c.since)}`;
		const name = `${requirement.id} on ${column.target} ${column.kernel}: ${v.name}`
			+ (v.bad && c.where.some((f) => f !== "-") ? ` with ${c.where.join(", ")}` : "") + since;
		return h("td", {class: `v-${v.name}`}, h("a", {
			href: link("matrix", {cell: requirement.id, column: column.key}), "aria-label": name,
			title: name, tabindex, class: "cell",
		}, v.symbol, c.since !== null && h("sup", {"aria-hidden": "true"}, "•")));
	}

	/* Arrow keys, Home and End among the cells of the table. */
	function move(event) {
		const steps = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
		const step = steps[event.key], from = event.target.closest("a.cell");
		if (!step || !from || event.altKey || event.ctrlKey || event.metaKey)
			return;
		const all = [...event.currentTarget.querySelectorAll("tbody tr")].map(
			(row) => [...row.children]);
		let y = all.findIndex((row) => row.includes(from.parentNode));
		let x = all[y].indexOf(from.parentNode), to = null;
		do {
			y += step[0];
			x += step[1];
			to = all[y] && (all[y].length > 1 || step[1]) && all[y][x]
				&& all[y][x].querySelector("a.cell");
		} while (!to && all[y] && x > 0 && (all[y].length === 1 || all[y][x]));
		event.preventDefault();
		if (!to)
			return;
		from.tabIndex = -1;
		to.tabIndex = 0;
		to.focus();
	}

	function grid({cols, found, by}) {
		let chapter = null, first = true;
		const body = h("tbody");
		for (const {requirement, cells} of found) {
			if (requirement.chapter !== chapter) {
				chapter = requirement.chapter;
				body.append(h("tr", null, h("th", {class: "chapter", scope: "rowgroup",
					colspan: cols.length + 2}, chapter)));
			}
			const newest = Math.max(...cells.map((c) => c && c.since !== null ? c.since : -1));
			body.append(h("tr", null, h("th", {scope: "row"},
				h("span", {class: "id"}, requirement.id), " ", requirement.title),
			cells.map((c, i) => {
				const td = button(c, requirement, cols[i], by, first && c ? 0 : -1);
				first = first && !c;
				return td;
			}), h("td", {class: "since"}, newest < 0 ? "" : day(newest))));
		}
		return h("div", {class: "scroll", role: "region", "aria-label": "The matrix", tabindex: 0},
			h("table", {class: "matrix", keydown: move},
				h("caption", null, "Requirements by target and kernel: the worst of formats and "
					+ "machines, as last seen. Arrow keys move from cell to cell."),
				h("thead", null, h("tr", null, h("th", {scope: "col"}, "requirement"),
					cols.map((c) => h("th", {scope: "col"},
						h("span", {class: "turned"}, `${c.target} ${c.kernel}`))),
					h("th", {scope: "col"}, "last change"))), body));
	}

	function legend(heads) {
		return h("p", {class: "legend small"}, heads.verdicts.map((v) => h("span", {class: "item"},
			h("span", {class: `key v-${v.name}`}, v.symbol), `${v.name}: ${v.meaning} `)),
		h("span", {class: "item"}, "•: another verdict than it once was"));
	}

	/* ---- the history of a cell ---- */

	/* Verdicts of one format on one line, the newest first: [from run, to run or null, code, message]. */
	function stretches(record, index) {
		const found = [];
		const add = (at, code, message) => {
			if (found.length)
				found[0].end = at;
			found.unshift({start: at, end: null, code, message});
		};
		if (record.first[index] !== ".")
			add(record.firstRun, record.first[index], record.firstMessages[index]);
		for (const [at, cells] of record.events)
			for (const [which, code, message] of cells)
				if (which === index)
					add(at, code, message);
		return found.map((f) => ({...f, message: record.messages[f.message]}));
	}

	async function history(heads, matrix, query) {
		const r = matrix.requirements.findIndex((q) => q.id === query.get("cell"));
		const column = columns(heads, query).find((c) => c.key === query.get("column"));
		if (r < 0 || !column)
			return h("p", null, `${query.get("cell")} on ${query.get("column")}: not in this history, `
				+ "or hidden by the filters.");
		const [runs, ...records] = await Promise.all([iodirty.runs(),
			...column.lines.map((n) => load(`line-${n}`))]);
		const by = scale(heads), requirement = matrix.requirements[r], found = [];
		for (const [n, record] of records.entries())
			for (const [format, f] of shownFormats(matrix, query))
				for (const part of stretches(record, r * matrix.formats.length + f))
					found.push({format, machine: heads.lines[column.lines[n]].machine, ...part});
		found.sort((a, b) => runs.started[b.start] - runs.started[a.start]);
		const run = (at) => at === null ? "now" : [moment(runs.started[at]), " run ",
			h("a", {href: fresh("run", {id: runs.id[at]})}, runs.id[at].slice(0, 8))];
		const page = query.get("page");
		return [h("p", null, requirement.title, ". ", requirement.class && h("span", {class: "faint"},
			`${requirement.class}; at stake: ${requirement.stake}.`)),
		iodirty.paged("Each verdict and since when, the newest first",
			["format", "machine", "verdict", "since", "until", "commit", "message"],
			found.map((f) => () => [f.format === "-" ? "any" : f.format, f.machine,
				verdict(by.of.get(f.code).name), run(f.start), run(f.end),
				h("code", null, runs.commit[f.start].slice(0, 12)), f.message || ""]), [],
			"matrix", page)];
	}

	iodirty.view("matrix", "Matrix", async (query) => {
		const [heads, matrix] = await Promise.all([load("heads"), load("matrix")]);
		const opened = query.get("cell");
		if (opened)
			return {title: `${opened} on ${query.get("column")}`, parts: [
				h("p", null, h("a", {href: link("matrix", {cell: null, column: null, page: null})},
					"Back to the matrix")), await history(heads, matrix, query)]};
		const made = rows(matrix, heads, query);
		return {title: "Every requirement, by target and kernel", parts: [
			h("form", {class: "choices", "aria-label": "What the matrix shows",
				submit: (e) => e.preventDefault()},
			choice("matrix", "chapter", "chapter", matrix.chapters),
			choice("matrix", "class", "class", matrix.classes),
			choice("matrix", "only", "only", [["bad", "what is bad"], ["changed", "what changed"]])),
			h("p", {role: "status", id: "shown"}, `${number(made.found.length)} of `
				+ `${number(matrix.requirements.length)} requirements on ${number(made.cols.length)} `
				+ "combinations of target and kernel."),
			legend(heads), made.found.length ? grid(made) : h("p", null, "Nothing is so."),
		]};
	});
})();
