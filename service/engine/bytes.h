/* Little-endian integers as they lie in NTFS' structures. The caller has bounded `at`. */
#ifndef JUNCTION_BYTES_H
#define JUNCTION_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t bytes_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t bytes_get32(const uint8_t *at)
{
    return bytes_get16(at) | (uint32_t)bytes_get16(at + 2) << 16;
}

static inline uint64_t bytes_get64(const uint8_t *at)
{
    return bytes_get32(at) | (uint64_t)bytes_get32(at + 4) << 32;
}

static inline void bytes_put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value & 0xFF);
    at[1] = (uint8_t)(value >> 8 & 0xFF);
}

static inline void bytes_put32(uint8_t *at, uint32_t value)
{
    bytes_put16(at, value & 0xFFFF);
    bytes_put16(at + 2, value >> 16);
}

#endif
