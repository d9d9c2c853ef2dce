/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two levels: an index of all memory, which the system fills in as it is touched, and bits. */
#include <stdlib.h>
#include <string.h>

#include "page_set.h"

#define WORDS (PAGE_SET_CHUNK / 64)

bool page_set_open(struct page_set *s, uint64_t pages)
{
	*s = (struct page_set){ .n_chunks = (pages + PAGE_SET_CHUNK - 1) / PAGE_SET_CHUNK,
				.turn = 1 };
	s->chunks = calloc(s->n_chunks ? s->n_chunks : 1, sizeof(*s->chunks));
	return s->chunks;
}

void page_set_close(struct page_set *s)
{
	for (uint64_t i = 0; s->chunks && i < s->n_chunks; i++)
		free(s->chunks[i]);
	free(s->chunks);
	free(s->used);
	*s = (struct page_set){ 0 };
}

void page_set_clear(struct page_set *s)
{
	s->turn++;
	s->n_used = 0;
	s->count = 0;
}

/* The first page of a chunk in this turn: its bits are made, or made anew. */
static struct page_chunk *use_chunk(struct page_set *s, uint64_t index)
{
	struct page_chunk *chunk = s->chunks[index];

	if (s->n_used == s->room) {
		uint64_t room = s->room ? 2 * s->room : 64;
		struct page_chunk **used = realloc(s->used, room * sizeof(*used));

		if (!used)
			return NULL;
		s->used = used;
		s->room = room;
	}
	if (!chunk) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		s->chunks[index] = chunk;
	}
	memset(chunk->bits, 0, sizeof(chunk->bits));
	chunk->index = index;
	chunk->turn = s->turn;
	s->used[s->n_used++] = chunk;
	return chunk;
}

static struct page_chunk *chunk_of(struct page_set *s, uint64_t index)
{
	struct page_chunk *chunk = s->chunks[index];

	return chunk && chunk->turn == s->turn ? chunk : use_chunk(s, index);
}

static void add_bits(struct page_set *s, uint64_t *word, uint64_t bits)
{
	bits &= ~*word;
	/* Most writes are to where there was one. */
	if (bits) {
		*word |= bits;
		s->count += __builtin_popcountll(bits);
	}
}

static bool add_word(struct page_set *s, uint64_t word, uint64_t bits)
{
	struct page_chunk *chunk = chunk_of(s, word / WORDS);

	if (chunk)
		add_bits(s, &chunk->bits[word % WORDS], bits);
	return chunk;
}

bool page_set_add(struct page_set *s, uint64_t first, uint64_t last)
{
	uint64_t bits = ~0ULL << first % 64;

	for (uint64_t word = first / 64; word < last / 64; word++) {
		if (!add_word(s, word, bits))
			return false;
		bits = ~0ULL;
	}
	return add_word(s, last / 64, bits & ~0ULL >> (63 - last % 64));
}

bool page_set_has(const struct page_set *s, uint64_t page)
{
	const struct page_chunk *chunk = s->chunks[page / PAGE_SET_CHUNK];

	return chunk && chunk->turn == s->turn && chunk->bits[page / 64 % WORDS] >> page % 64 & 1;
}

bool page_set_merge(struct page_set *s, const struct page_set *from)
{
	for (uint64_t i = 0; i < from->n_used; i++) {
		const struct page_chunk *theirs = from->used[i];
		struct page_chunk *ours = chunk_of(s, theirs->index);

		if (!ours)
			return false;
		for (int j = 0; j < WORDS; j++)
			add_bits(s, &ours->bits[j], theirs->bits[j]);
	}
	return true;
}

bool page_set_next(const struct page_set *s, struct page_cursor *c)
{
	while (!c->rest) {
		if (c->word == WORDS) {
			c->word = 0;
			c->used++;
		}
		if (c->used >= s->n_used)
			return false;
		c->rest = s->used[c->used]->bits[c->word++];
	}
	c->page = s->used[c->used]->index * PAGE_SET_CHUNK + (c->word - 1) * 64 +
		  __builtin_ctzll(c->rest);
	c->rest &= c->rest - 1;
	return true;
}
