/*
 * Private to hub.c (streams, classes), hub_replay.c (what was missed), ws.c (sockets) and
 * ws_command.c.
 *
 * A connection is refcounted: by libwebsockets until CLOSED, and by each of its requests under
 * way. `wsi` is NULL from CLOSED on; everything else may then only be freed.
 */
#ifndef WY_NET_HUB_IMPL_H
#define WY_NET_HUB_IMPL_H

#include "domain/user.h"
#include "net/feed.h"
#include "net/hub.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "net/ws.h"
#include "net/ws_message.h"

enum hub_stream { HUB_ALERTS, HUB_SCENARIOS, HUB_STREAMS };
enum { HUB_REPLAY_MAX = 10000, HUB_REPLAY_BYTES = 128 * 1024, HUB_REPLAY_MESSAGES = 200 };
extern const char *const hub_stream_names[HUB_STREAMS];

/* People who see the same: same role, office, communities. Lives while one of them is
 * connected. */
struct hub_class {
    struct hub_class *next;
    size_t refs;
    struct arena arena;
    struct span key;
    struct person person; /* one of them, for access_may; its name means nothing */
    struct feed feeds[HUB_STREAMS];
    size_t listeners[HUB_STREAMS]; /* live, or still reading what they missed */
};

/* REPLAY: a worker reads what was missed, up to the place where the feed will be joined. */
enum ws_sub_state { SUB_OFF, SUB_REPLAY, SUB_LIVE };
struct ws_sub {
    enum ws_sub_state state;
    uint32_t serial;           /* of the subscription: a worker may come back after its end */
    bool reading;              /* REPLAY: a worker has a slice in hand */
    uint64_t next;             /* REPLAY: first offset not yet read */
    struct feed_reader reader; /* LIVE */
};

/* Who a machine key stands for: looked up once, then only whether it lives. */
struct ws_machine {
    struct arena arena;
    struct person person;
};

struct ws_conn { /* what every message to every socket touches stands first */
    struct ws_conn *flush_next;
    struct lws *wsi;
    struct hub *hub;
    int fd;                     /* -1 with TLS: everything goes through lws_write */
    bool flush_queued, blocked; /* blocked: the kernel takes no more; WRITEABLE will come */
    bool closing, me, machine;
    uint8_t slot;   /* in which tick its session is looked at */
    struct buf out; /* own answers, framed */
    struct ws_sub subs[HUB_STREAMS];
    size_t out_messages;

    size_t refs;
    struct ws_conn *next, **link; /* of all */
    struct hub_class *class;      /* NULL before hello */
    struct ws_assembly in;
    int64_t deadline; /* monotone µs; hello until then, or gone by then when closing; 0: none */
    int64_t second;   /* of frames_in_second */
    uint32_t frames_in_second;
    uint32_t requests; /* under way */
    uint16_t close_code;
    const char *close_text;
    uint64_t user_seq;  /* version of the USER entry that was looked at */
    uint64_t since;     /* of the account when it said hello */
    char *token, *name; /* session token or machine key */
    struct ws_machine *as;
};

struct hub {
    struct server *server;
    char epoch[32];
    struct feed_log logs[HUB_STREAMS];
    uint64_t heads[HUB_STREAMS]; /* offsets up to here were looked at */
    struct hub_class *classes;
    struct ws_conn *conns;
    struct ws_conn *flush_first, **flush_last;
    struct server_task task; /* the rest of what one turn of the loop did not get done */
    bool task_posted, stopping;
    unsigned ticks, slots;
    struct arena arena; /* emptied per event */
    struct buf payload, scratch;
    struct hub_stats stats;
};

/* hub.c */
void hub_enter(struct hub *h, struct ws_conn *c);
void hub_leave(struct ws_conn *c); /* its class, subscriptions and places in lists */
/* Who is at the other end. Somebody whose rights changed meanwhile is told to connect again. */
void hub_identify(struct ws_conn *c, const struct person *p);
struct person hub_person_copy(struct arena *a, const struct person *p);
void hub_pump(struct hub *h);
void hub_queue_flush(struct ws_conn *c); /* at the end of this turn of the loop */
/* Frame a message once and list it for everybody who may see it; hub_pump sends it. */
struct alert;
void hub_spread(struct hub *h, struct street *street, enum hub_stream s, const struct alert *al,
                struct span payload);
bool hub_may_listen(const struct person *p, struct street *street, enum hub_stream s);
void hub_sub_begin(struct ws_conn *c, enum hub_stream s); /* OFF → REPLAY */
bool hub_sub_live(struct ws_conn *c, enum hub_stream s,
                  uint64_t mark); /* false: the feed is beyond `mark` */
void hub_sub_end(struct ws_conn *c, enum hub_stream s);
/* The message of one event. `al` (alerts only) tells who may see it. */
bool hub_event(struct server *s, const char *epoch, struct view *v, struct arena *a,
               struct street *street, enum hub_stream stream, uint64_t seq, uint64_t offset,
               struct alert *al, struct buf *payload, struct err *e);
bool hub_sees(const struct person *p, struct street *street, enum hub_stream s,
              const struct alert *al);

/* hub_replay.c: answer message `id` and send what was missed from offset `from` on, slice by
 * slice, each read by a worker; then go live. Takes over answering `r`. */
void hub_replay(struct ws_conn *c, struct request *r, enum hub_stream s, const struct ws_id *id,
                uint64_t from);
void hub_replay_go_on(struct ws_conn *c); /* its queue is empty again */
void hub_put_subscribed(struct buf *b, const struct hub *h, const struct ws_id *id,
                        uint64_t offset, bool gap, uint64_t recovered);

/* ws.c */
void ws_end(struct ws_conn *c, enum ws_close code, const char *text);
void ws_conn_unref(struct ws_conn *c);
void ws_tick(struct ws_conn *c, bool look, int64_t now);
void ws_goodbye(struct ws_conn *c);

/* ws_send.c */
void ws_say(struct ws_conn *c,
            struct span payload); /* queue one message and see that it leaves */
void ws_flush(struct ws_conn *c);
int ws_writeable(struct ws_conn *c); /* -1: close it */
void ws_kill(struct ws_conn *c);     /* without a word */

/* ws_talk.c */
void ws_message(struct ws_conn *c, struct span text);
void ws_look(struct ws_conn *c);
/* A request that holds the connection. It must be answered, but that goes nowhere. */
struct request *ws_request(struct ws_conn *c);

/* ws_command.c */
void ws_command_run(struct request *r, struct span name); /* answers it */
void ws_put_answer(struct buf *b, const struct ws_id *id, const struct answer *a);

#endif
