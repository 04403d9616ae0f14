/* Names shown to a person: what in them could deceive him or steer his terminal. */
#ifndef JUNCTION_DISPLAY_H
#define JUNCTION_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character that begins at bytes[0], lone surrogates included; *size is what it takes. -1: no
 * character, *size is 1. `length` > 0. */
int32_t display_next(const char *bytes, size_t length, size_t *size);

/* C0, DEL and C1. */
bool display_is_control(int32_t character);

/* Unseen, or changes how its neighbours are seen: directions, joiners, tags, lone surrogates. */
bool display_is_deceptive(int32_t character);

#endif
