/* CRC-32C (Castagnoli), the checksum of everything on disk: by the processor's own instruction where it
 * has one, else by tables. Private to store/. */
#ifndef WY_STORE_CRC_H
#define WY_STORE_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *p,
                size_t n); /* begin with 0; may go on from a result */
uint32_t crc32c_plain(uint32_t crc, const void *p,
                      size_t n); /* by tables, whatever the machine can */

#endif
