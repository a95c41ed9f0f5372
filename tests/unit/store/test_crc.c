#include "unit.h"

#include "store/crc.h"

static void known_sums_are_met(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283U);
    assert_int_equal(crc32c_plain(0, "123456789", 9), 0xE3069283U);
    char zero[32] = {0};
    assert_int_equal(crc32c_plain(0, zero, sizeof zero), 0x8A9136AAU);
}

static void instruction_and_tables_agree(void **state)
{
    (void)state;
    unit_seed("instruction_and_tables_agree");
    unsigned char bytes[300];
    for (int i = 0; i < 2000; i++) {
        for (size_t n = 0; n < sizeof bytes; n++)
            bytes[n] = (unsigned char)unit_random();
        size_t from = unit_below(16), n = unit_below(280),
               cut = n ? unit_below((unsigned)n) : 0;
        uint32_t whole = crc32c_plain(7, bytes + from, n);
        assert_int_equal(crc32c(7, bytes + from, n), whole);
        assert_int_equal(crc32c(crc32c(7, bytes + from, cut), bytes + from + cut, n - cut),
                         whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_sums_are_met),
                                       cmocka_unit_test(instruction_and_tables_agree)};
    return unit_run(tests);
}
