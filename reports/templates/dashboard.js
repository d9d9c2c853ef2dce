/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
"use strict";
/*
 * The core of the dashboard: elements, data, the address, words.
 *
 * What the data holds is text of somebody else. It becomes text nodes and values of attributes,
 * never HTML, and a link only by safeUrl(). Data is in scripts that call iodirty.data(), since a
 * page that was opened from a disk may not fetch.
 */
const iodirty = (() => {
	const SVG = "http://www.w3.org/2000/svg";
	const waiting = new Map(), stored = new Map(), asked = new Map();
	const views = new Map();
	const FILTERS = ["target", "format", "kernel", "machine"];

	/* ---- elements ---- */

	function put(node, children) {
		for (const child of children.flat(Infinity))
			if (child !== null && child !== undefined && child !== false)
				node.append(child);
		return node;
	}

	function fill(node, attributes, children) {
		for (const [name, value] of Object.entries(attributes || {})) {
			if (value === null || value === undefined || value === false)
				continue;
			if (typeof value === "function")
				node.addEventListener(name, value);
			else
				node.setAttribute(name, value === true ? "" : value);
		}
		return put(node, children);
	}

	/* h("p", {class: "faint"}, "text", node, [more]): an attribute that is a function listens. */
	const h = (tag, attributes, ...children) =>
		fill(document.createElement(tag), attributes, children);
	const s = (tag, attributes, ...children) =>
		fill(document.createElementNS(SVG, tag), attributes, children);

	/* Rows of arrays of cells; the first cell of a row is its heading. @numeric: columns. */
	function table(caption, head, rows, numeric = []) {
		const cell = (tag, more) => (content, i) =>
			h(tag, {class: numeric.includes(i) ? "n" : null, ...more}, content);
		return h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": caption},
			h("table", null, h("caption", null, caption),
				h("thead", null, h("tr", null, head.map(cell("th", {scope: "col"})))),
				h("tbody", null, rows.map((row) => h("tr", null,
					cell("th", {scope: "row"})(row[0], 0),
					row.slice(1).map((content, i) => cell("td")(content, i + 1)))))));
	}

	/* A page of many rows: @page from 0; all of them are reachable by links. */
	function paged(caption, head, rows, numeric, view, page, size = 200) {
		const pages = Math.max(1, Math.ceil(rows.length / size));
		const at = Math.min(Math.max(0, page | 0), pages - 1);
		const shown = rows.slice(at * size, (at + 1) * size).map((row) => row());
		const to = (n, words) => h("a", {href: link(view, {page: n || null})}, words);
		return [table(`${caption} (${number(rows.length)})`, head, shown, numeric),
			pages > 1 && h("nav", {"aria-label": `Pages: ${caption}`, class: "pages"},
				at > 0 && to(at - 1, "previous"), ` page ${at + 1} of ${pages} `,
				at < pages - 1 && to(at + 1, "next"))];
	}

	/* A labelled choice whose value is a key of the address. */
	function choice(view, key, label, options, everything = "all") {
		const value = address().query.get(key) || "";
		const known = options.map((o) => Array.isArray(o) ? o : [o, o]);
		if (value && !known.some(([v]) => v === value))
			known.push([value, `${value} (none)`]);
		return h("label", null, `${label} `, h("select", {id: `choose-${key}`, change: (event) => {
			go(view || address().view, {[key]: event.target.value || null, page: null});
		}}, h("option", {value: ""}, everything), known.map(([v, words]) =>
			h("option", {value: v, selected: v === value}, words))));
	}

	function safeUrl(text) {
		return /^https?:\/\/[^\s]+$/i.test(text) ? text : null;
	}

	/* ---- data ---- */

	/* Called by data/NAME.js. */
	function data(name, value) {
		stored.set(name, value);
		if (waiting.has(name))
			waiting.get(name)(value);
	}

	function load(name) {
		if (stored.has(name))
			return Promise.resolve(stored.get(name));
		if (!asked.has(name))
			asked.set(name, new Promise((done, failed) => {
				waiting.set(name, done);
				document.head.append(h("script", {src: `data/${name}.js`, error: () => {
					asked.delete(name);
					failed(new Error(`data/${name}.js cannot be read: is the folder whole?`));
				}}));
			}));
		return asked.get(name);
	}

	/* ---- the address: #view?key=value&... ---- */

	function address() {
		const [view, query] = location.hash.slice(1).split(/\?(.*)/s);
		return {view: views.has(view) ? view : "overview", query: new URLSearchParams(query || "")};
	}

	/* Of a view, with the filters as they are; within the view, other keys stay too. */
	function link(view, changes = {}) {
		const now = address(), query = new URLSearchParams();
		for (const [key, value] of now.query)
			if (FILTERS.includes(key) || view === now.view)
				query.set(key, value);
		for (const [key, value] of Object.entries(changes)) {
			query.delete(key);
			if (value !== null && value !== undefined && value !== "")
				query.set(key, value);
		}
		return `#${view}${String(query) && "?"}${query}`;
	}

	/* Of a view, with nothing but the filters and @keys. */
	function fresh(view, keys = {}) {
		const drop = {};
		for (const key of address().query.keys())
			if (!FILTERS.includes(key))
				drop[key] = null;
		return link(view, {...drop, ...keys});
	}

	function go(view, changes) {
		location.hash = link(view, changes);
	}

	/* Does a line (or whatever has its keys) pass the filters? A key that it lacks is no obstacle. */
	function passes(thing, query = address().query) {
		return FILTERS.every((key) => {
			const wanted = query.get(key);
			const has = key === "format" ? thing.formats : thing[key];
			if (!wanted || has === undefined || has === null)
				return true;
			return Array.isArray(has) ? !has.length || has.includes(wanted) : has === wanted;
		});
	}

	/* ---- words ---- */

	const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
	const two = (n) => String(n).padStart(2, "0");

	/* Seconds since 1970, in UTC. */
	function day(seconds) {
		const d = new Date(seconds * 1000);
		return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
	}

	function moment(seconds) {
		const d = new Date(seconds * 1000);
		return `${day(seconds)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
	}

	const number = (n) => n.toLocaleString("en-US");

	/* Four digits of it. */
	function short(value) {
		if (value === null || value === undefined)
			return "–";
		if (Number.isInteger(value) || Math.abs(value) >= 10000)
			return Math.round(value).toLocaleString("en-US");
		return Number(value.toPrecision(4)).toLocaleString("en-US", {maximumSignificantDigits: 4});
	}

	/* A ratio as a change; null: of nothing. */
	function percent(ratio) {
		if (ratio === null)
			return "from 0";
		const p = (ratio - 1) * 100;
		return `${p < 0 ? "−" : "+"}${Math.abs(p).toFixed(Math.abs(p) < 10 ? 1 : 0)} %`;
	}

	function verdict(name) {
		const known = name === "PASSED" || name === "FAILED"
			|| stored.get("heads").verdicts.some((v) => v.name === name);
		return h("span", {class: `key v-${known ? name : "NONE"}`}, name);
	}

	/* ---- drawing a view ---- */

	/* @draw(query) gives (a promise of) {title, parts, fitted}: @fitted() once the parts are there. */
	function view(name, label, draw) {
		views.set(name, {label, draw});
	}

	function frame(heads, now) {
		const hidden = (name) => views.get(name).label === null;
		document.getElementById("views").replaceChildren(...[...views.keys()].filter(
			(name) => !hidden(name)).map((name) => h("a", {
			href: fresh(name), "aria-current": name === now.view ? "page" : null,
		}, views.get(name).label)));
		document.getElementById("filters").replaceChildren(
			...FILTERS.map((key) => choice(null, key, key, heads.filters[key])),
			h("a", {href: link(now.view, Object.fromEntries(FILTERS.map((k) => [k, null])))},
				"show all"));
		document.getElementById("foot").replaceChildren(
			`${number(heads.counts.runs)} runs; made by iodirty dashboard on `
			+ `${moment(heads.created)}. All times are UTC.`);
	}

	let turn = 0, last = null;

	async function draw() {
		if (location.hash === "#main")
			return;
		const mine = ++turn, now = address(), main = document.getElementById("main");
		const focus = document.activeElement && document.activeElement.id;
		let drawn;
		main.setAttribute("aria-busy", "true");
		try {
			frame(await load("heads"), now);
			drawn = await views.get(now.view).draw(now.query);
		} catch (error) {
			drawn = {title: "This view cannot be shown", parts: [h("p", null, error.message)]};
			console.error(error);
		}
		if (mine !== turn)
			return;
		const title = h("h2", {id: "title", tabindex: -1}, drawn.title);
		main.replaceChildren();
		put(main, [title, drawn.parts]);
		main.removeAttribute("aria-busy");
		document.title = `${drawn.title}, iodirty dashboard`;
		document.getElementById("status").textContent = drawn.title;
		(drawn.fitted || (() => {}))();
		const same = focus && document.getElementById(focus);
		if (same)
			same.focus({preventScroll: true});
		else if (last !== null && last !== location.hash)
			title.focus();
		last = location.hash;
		performance.mark("iodirty-usable");
	}

	function start() {
		/* Not by the address, which is the view's. */
		document.querySelector(".skip").addEventListener("click", (event) => {
			event.preventDefault();
			document.getElementById("main").focus();
		});
		document.getElementById("filters").addEventListener("submit", (e) => e.preventDefault());
		window.addEventListener("hashchange", draw);
		draw();
	}

	return {h, s, table, paged, choice, safeUrl, data, load, address, link, fresh, go, passes, day,
		moment, number, short, percent, verdict, view, start};
})();
