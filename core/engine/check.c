/* `wangyi engine check`: everything a script must pass before it may be saved, and its manifest. */
#include <string.h>

#include "engine/engine.h"
#include "engine/evaluate.h"
#include "engine/privilege.h"
#include "engine/sandbox.h"
#include "engine/shape.h"
#include "util/json.h"

/* Examples only make sense of a script that has the right shape. */
static bool put_examples(struct json_w *w, const struct street *street,
                         const struct sandbox_modules *m, struct span id, struct span text,
                         const struct shape *shape, bool *all_ok, struct err *e)
{
    json_w_name(w, "examples");
    json_w_array(w);
    bool tried = true;
    *all_ok = false;
    if (shape->manifest)
        tried = evaluate_examples(street, m, id, text, shape->manifest, w, all_ok, e);
    json_w_array_end(w);
    return tried;
}

bool engine_check(const struct street *street, const char *scripts_dir, struct span id,
                  struct span text, struct span values, struct buf *json, struct err *e)
{
    struct arena a = {0};
    struct sandbox_modules modules;
    struct shape shape;
    struct buf out = {0};
    if (!sandbox_modules_read(&modules, scripts_dir, e))
        return false;
    /* everything is open: from here on a foreign script runs in this process */
    bool ok = evaluate_prepare(e) && privilege_drop_writing(NULL, e);
    ok = ok && shape_check(&a, street, &modules, id, text, values, &shape, e);
    if (ok) {
        bool examples_ok;
        struct json_w w = json_w_begin(&out);
        json_w_object(&w);
        json_w_name(&w, "problems");
        json_w_value(&w, shape.problems);
        ok = put_examples(&w, street, &modules, id, text, &shape, &examples_ok, e);
        json_w_kbool(&w, "ok", shape.manifest && examples_ok);
        json_w_name(&w, "manifest");
        if (shape.manifest)
            json_w_value(&w, shape.manifest);
        else
            json_w_null(&w);
        json_w_object_end(&w);
        json_w_end(&w);
    }
    if (ok)
        buf_span(json, buf_view(&out));
    buf_free(&out);
    sandbox_modules_free(&modules);
    arena_free(&a);
    return ok;
}
