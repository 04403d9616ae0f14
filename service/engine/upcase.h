/* Case as NTFS sees it: single 16-bit units, upper-cased one by one (Unicode's simple mappings
 * within the BMP, as in $UpCase). */
#ifndef JUNCTION_UPCASE_H
#define JUNCTION_UPCASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint16_t upcase_unit(uint16_t unit);

/* Equal as NTFS compares names. Both WTF-8; text that is no WTF-8 equals only itself. */
bool upcase_equal(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
