#include "unit.h"

#include <arpa/inet.h>

#include "net/fetch.h"

static bool inside(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return fetch_is_inside((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return fetch_is_inside((struct sockaddr *)&v6);
}

static void addresses_inside_are_known_in_all_their_forms(void **state)
{
    (void)state;
    static const char *const in[] = {
        "127.0.0.1",
        "127.255.0.9",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
    };
    static const char *const out[] = {
        "8.8.8.8",     "172.15.0.1", "172.32.0.1",         "192.167.1.1",      "11.0.0.1",
        "100.128.0.1", "223.5.5.5",  "2400:3200::1",       "::ffff:223.5.5.5", "2001:db8::1",
        "169.253.1.1", "198.20.0.1", "64:ff9b::223.5.5.5",
    };
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        if (!inside(in[i]))
            fail_msg("%s is inside", in[i]);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (inside(out[i]))
            fail_msg("%s is outside", out[i]);
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_true(fetch_is_inside(&other));
}

static void only_the_host_that_was_set_is_asked(void **state)
{
    (void)state;
    static const char base[] = "http://hub.example:8080/records";
    static const char *const bad[] = {
        "http://hub.example/records",
        "https://hub.example:8080/records",
        "http://hub.example:8081/",
        "http://evil.example:8080/",
        "http://hub.example:8080@evil/",
        "http://u:p@hub.example:8080/",
        "file:///etc/passwd",
        "gopher://hub.example:8080/",
        "//hub.example:8080/",
        "",
        "http://hub.example.evil.com:8080",
        "http://[::1]:8080/",
    };
    atomic_bool stop = false;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        struct fetch f = {.url = bad[i], .base = base, .stop = &stop};
        assert_false(fetch_run(&f, &e));
        if (e.code != ERR_DENIED && e.code != ERR_INPUT)
            fail_msg("%s: %s", bad[i], e.text);
    }
}

int main(void)
{
    fetch_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_inside_are_known_in_all_their_forms),
        cmocka_unit_test(only_the_host_that_was_set_is_asked),
    };
    return unit_run(tests);
}
