/* The work of every server in this benchmark: it reverses ASCII text and swaps its case. */
#ifndef FLIP_H
#define FLIP_H

#include <stddef.h>

static inline void flip(char *restrict dst, const char *restrict src, size_t n) {
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)src[n - 1 - i];
		unsigned char l = (unsigned char)((c | 0x20) - 'a');
		dst[i] = (char)(c ^ (l < 26 ? 0x20 : 0));
	}
}

#endif
