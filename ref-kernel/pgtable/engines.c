/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The engines there are, the one to be preferred first. */
#include "engines.h"

const struct pgt_engine *const pgt_engines[] = {
#ifdef PORT_VECTOR
	&pgt_engine_avx512, &pgt_engine_avx2,
#endif
	&pgt_engine_swar,   &pgt_engine_read_first, &pgt_engine_entry, NULL,
};

bool pgt_engine_usable(const struct pgt_engine *engine)
{
	return !engine->usable || engine->usable();
}

const struct pgt_engine *pgt_engine_default(void)
{
	const struct pgt_engine *const *e = pgt_engines;

	while (!pgt_engine_usable(*e))
		e++;
	return *e;
}
