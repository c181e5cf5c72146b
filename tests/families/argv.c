/* Arguments worth getting wrong. Every argv but the empty one carries the image's id, so that an event can be found. */
#define _GNU_SOURCE
#include "families.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1100 };
static char *args[MOST + 1];
static int count;

static void add(const char *text) { args[count++] = strdup(text); }

static void add_run(size_t length, unsigned salt)
{
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++) text[i] = 'a' + (i + salt) % 26;
    text[length] = 0;
    args[count++] = text;
}

static void add_all(const char *const *texts)
{
    while (*texts) add(*texts++);
}

static const char *const SPACES[] = {"a b", " leading", "trailing ", "two  spaces", " ", NULL};
static const char *const QUOTES[] = {"it's", "say \"hi\"", "back\\slash", "a=b", "$HOME", "\"", "`x`", NULL};
static const char *const CONTROLS[] = {"line\nline", "\ttab", "\r", "\x01\x02", "\x7f", "\x1d", "end\n", NULL};
static const char *const UTF8[] = {"gr\xc3\xbcn", "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x99\x82", "\xc2\xa0", NULL};
static const char *const NOT_UTF8[] = {"\xff\xfe", "\xc3(", "\xe6\xbc", "\xed\xa0\x80", "ok\x80ok", NULL};
static const char *const EMPTY[] = {"", "", "x", "", NULL};
static const char *const FORGED[] = {"(null)", "(none)", "a0=\"x\"", "type=EXECVE msg=audit(1.0:1):", "key=(null)", "\"quoted\"", NULL};
static const char *const HEXLIKE[] = {"DEADBEEF", "0041", "2F62696E", "a1_len=8", NULL};

char **make_argv(const char *id, unsigned variety, unsigned salt)
{
    char name[200];
    count = 0;
    if (variety != ARGV_NONE) {
        add(variety == 6 ? "" : variety == 1 ? "a program" : salt % 5 == 0 ? "-login" : "families");
        snprintf(name, sizeof name, "id=%s", id);
        add(name);
    }
    switch (variety) {
    case 1: add_all(SPACES); break;
    case 2: add_all(QUOTES); break;
    case 3: add_all(CONTROLS); break;
    case 4: add_all(UTF8); break;
    case 5: add_all(NOT_UTF8); break;
    case 6: add_all(EMPTY); break;
    case ARGV_NONE: break;
    case 8: /* around the size at which the kernel begins a second EXECVE record */
        add_run(7300 + salt % 500, salt);
        add("after");
        break;
    case 9:
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof name, "%d", i);
            add(name);
        }
        break;
    case 10: add_run(100000, salt); break;
    case 11:
        for (int i = 0; i < 1000; i++) add_run(99, salt + i);
        break;
    case 12: add_all(FORGED); break;
    case 13: add_all(HEXLIKE); break;
    default: break;
    }
    args[count] = NULL;
    return args;
}
