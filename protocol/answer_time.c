#include "answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_PER_SECOND 10000000u
#define SECONDS_PER_DAY  86400u
/* Days from 0000-03-01 (proleptic Gregorian, the year beginning in March) to 1601-01-01. */
#define DAYS_BEFORE_1601 584694u
#define DAYS_PER_ERA     146097u /* 400 years */

static const char time_shape[] = "-dd-ddTdd:dd:dd";

void answer_time_format(uint64_t filetime, char out[ANSWER_TIME_SIZE])
{
    uint64_t seconds = filetime / TICKS_PER_SECOND;
    unsigned ticks = (unsigned)(filetime % TICKS_PER_SECOND);
    unsigned of_day = (unsigned)(seconds % SECONDS_PER_DAY);
    uint64_t days = seconds / SECONDS_PER_DAY + DAYS_BEFORE_1601;
    uint64_t era = days / DAYS_PER_ERA;
    unsigned day = (unsigned)(days % DAYS_PER_ERA);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    unsigned month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    uint64_t civil = era * 400 + year + (month >= 10 ? 1 : 0);
    snprintf(out, ANSWER_TIME_SIZE, "%04" PRIu64 "-%02u-%02uT%02u:%02u:%02u.%07uZ", civil,
             month < 10 ? month + 3 : month - 9, day + 1, of_day / 3600, of_day / 60 % 60,
             of_day % 60, ticks);
}

static unsigned two(const char *at)
{
    return (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
}

static unsigned month_length(unsigned year, unsigned month)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : lengths[month - 1];
}

int answer_time_parse(const char *text, uint64_t *filetime)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 4 || digits > 5) {
        return -1;
    }
    unsigned year = (unsigned)strtoul(text, NULL, 10);
    const char *at = text + digits;
    for (size_t i = 0; time_shape[i]; i++) {
        if (time_shape[i] == 'd' ? at[i] < '0' || at[i] > '9' : at[i] != time_shape[i]) {
            return -1;
        }
    }
    unsigned month = two(at + 1);
    unsigned day = two(at + 4);
    unsigned hour = two(at + 7);
    unsigned minute = two(at + 10);
    unsigned second = two(at + 13);
    at += sizeof time_shape - 1;
    unsigned ticks = 0;
    if (*at == '.') {
        unsigned worth = TICKS_PER_SECOND;
        for (at++; *at >= '0' && *at <= '9' && worth > 1; at++) {
            worth /= 10;
            ticks += (unsigned)(*at - '0') * worth;
        }
        if (worth == TICKS_PER_SECOND) {
            return -1;
        }
    }
    if (strcmp(at, "Z") != 0 || year < 1601 || month < 1 || month > 12 || day < 1 ||
        day > month_length(year, month) || hour > 23 || minute > 59 || second > 59) {
        return -1;
    }
    uint64_t march_year = month > 2 ? year : year - 1;
    unsigned march_month = month > 2 ? month - 3 : month + 9;
    uint64_t of_era = march_year % 400;
    uint64_t days = march_year / 400 * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 +
                    (153 * march_month + 2) / 5 + (day - 1) - DAYS_BEFORE_1601;
    uint64_t seconds =
        days * SECONDS_PER_DAY + UINT64_C(3600) * hour + UINT64_C(60) * minute + second;
    if (seconds > (UINT64_MAX - ticks) / TICKS_PER_SECOND) {
        return -1;
    }
    *filetime = seconds * TICKS_PER_SECOND + ticks;
    return 0;
}
