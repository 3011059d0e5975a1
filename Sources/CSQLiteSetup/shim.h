/* What Swift cannot call of SQLite by itself: a variadic function. The library is the one that GRDB links. */
#ifndef BACKORDERD_CSQLITESETUP_SHIM_H
#define BACKORDERD_CSQLITESETUP_SHIM_H

#include <sqlite3.h>

/* Only before SQLite is first used; afterwards it answers SQLITE_MISUSE and changes nothing. */
static inline int csqlite_without_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

#endif
