/* Frames between the server and its engine process: u32 LE length, then that many bytes of JSON. */
#ifndef WY_ENGINE_FRAME_H
#define WY_ENGINE_FRAME_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/span.h"

enum { FRAME_MAX = 256 << 20 };

/* Append one frame. */
void frame_put(struct buf *out, struct span body);
/* The first whole frame of what has been read; it stays until frame_drop. False: not there yet. *broken: the
 * other side does not speak frames. */
bool frame_get(const struct buf *in, struct span *body, bool *broken);
void frame_drop(struct buf *in, struct span body);
/* Read what is there (fd may be blocking or not). False: the other side is gone. */
bool frame_read(int fd, struct buf *in);
/* Write as much as goes; what is left stays in `out`. False: the other side is gone. */
bool frame_write(int fd, struct buf *out);

#endif
