// A made-up street for the benches: firms with two years of months, residents, letters, places, and the
// stream of records a working day brings. The same numbers give the same street.
const COMMUNITIES = ['dahulu', 'zijing_jiayuan', 'changzhengqiao', 'xiaohe', 'mingzhengong', 'dongjia_xincun', 'suopoqiao', 'yuhangtanglu', 'tanghe_xincun']
const WORDS = ['停车', '物业', '加装电梯', '垃圾', '绿化', '交通', '路灯', '噪声']
const TEXT = '小区门口晚上停车占了通道，进出都不方便，希望有人来看一看'
const START = Date.parse('2020-04-09T07:00:00+08:00'), DAY = 86400e3
const pad = (n, size = 2) => String(n).padStart(size, '0')
const draw = (what, i, n) => { // splitmix-like, enough for even spread
  let z = (Math.imul(what + 1, 0x9E3779B1) ^ Math.imul(i + 1, 0x85EBCA6B)) >>> 0
  z = Math.imul(z ^ z >>> 15, 0x2C1B3C6D) >>> 0
  z = Math.imul(z ^ z >>> 12, 0x297A2D39) >>> 0
  return ((z ^ z >>> 15) >>> 0) % n
}
const at = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 19) + '+08:00'
const community = (i) => COMMUNITIES[i % 9]
// Devices: mostly in flats; ten each that listen for noise, dust and water; boxes in thirty elevators.
const KINDS = [['noise', 'site', 'noise_db', 40], ['pm10', 'site', 'pm10_ugm3', 50], ['flood', 'segment', 'depth_cm', 0], ['elevator_box', 'elevator', 'temp_c', 20],
  ['elevator_box', 'elevator', 'temp_c', 20], ['elevator_box', 'elevator', 'temp_c', 20]]
const deviceKind = (i) => KINDS[i % 30] || (i % 2 ? ['smoke', 'house', 'temp_c', 20] : ['door', 'house', 'door_open', 1])
const firm = (i) => `91330105MB${pad(i, 7)}X`
const monthOf = (m) => `${2018 + Math.floor((m + 2) / 12)}-${pad((m + 2) % 12 + 1)}` // 0 is 2018-03, 24 is 2020-03
const income = (i, m) => (200 + draw(1, i, 3000)) * 1000 + draw(2 + m, i, 50) * 100

const monthIncome = (i, m) => ({ ent_id: firm(i), month: monthOf(m), income_cny: income(i, m) })
const monthTax = (i, m) => ({ ent_id: firm(i), month: monthOf(m), tax_cny: Math.round(income(i, m) / 30), tax_subdistrict: '330105003', building_id: 'B' + draw(3, i, 60), declared: true })
const snapshot = (i, month) => ({ ent_id: firm(i), snapshot_month: month, name: `示例企业${i}有限公司`, reg_subdistrict: '330105003',
  tax_subdistrict: i % 400 ? '330105003' : '330105009', op_subdistrict: i % 500 ? '330105003' : '330105008', op_building_id: 'B' + draw(3, i, 60),
  community_id: community(i), reg_status: 'active', established_on: '2012-05-06', industry_code: ['6450', '5192', '7249', '4813'][i % 4],
  reg_capital_cny: 500000, staff_count: 5 + draw(5, i, 120), tags: i % 7 ? [] : ['高新'] })
const letter = (id, i, ms) => ({ letter_id: id, received_at: at(ms), community_id: community(i), estate_id: 'E' + i % 45, sender_key: 'L' + i,
  text: TEXT, keywords: [WORDS[i % 8]], urgent: false, status: 'replied', replied_at: at(ms + 7200e3), satisfied: i % 7 > 0 })
const petition = (id, i, ms) => ({ petition_id: id, channel: 'hotline12345', received_at: at(ms), accepted_at: at(ms + 3600e3), closed_at: at(ms + 2 * DAY),
  subject_key: 'L' + i, matter_key: 'M' + i, co_signers: 1, community_id: community(i), estate_id: 'E' + i % 45, text: TEXT, keywords: [WORDS[i % 8]] })

/** What lies there before: [type, how many, one of them]. `months`: 25 is all up to 2020-03. */
export function history({ firms = 20000, residents = 70000, months = 25 } = {}) {
  const share = (n) => Math.max(1, Math.round(n * residents / 70000))
  const letters = share(24000), elders = share(1500), cared = share(3000), members = share(4000), places = share(2000)
  const past = (i, n) => START - DAY - Math.floor((n - i) * 700 / n) * DAY // evenly over two years
  return [
    ['community', 9, (i) => ({ community_id: community(i), name: community(i), population: 8000, households: 3000 })],
    ['estate', 45, (i) => ({ estate_id: 'E' + i, name: '小区' + i, community_id: community(i), households: 400, has_committee: true, is_old: i % 2 === 0 })],
    ['building', 60, (i) => ({ building_id: 'B' + i, name: '楼宇' + i, community_id: community(i), area_m2: 9000, is_key: i < 12 })],
    ['house', share(27000), (i) => ({ house_id: 'H' + i, estate_id: 'E' + i % 45, community_id: community(i), building_no: '1', area_m2: 60 + i % 60, rooms: 2, use: 'self' })],
    ['device', 300, (i) => ({ device_id: 'D' + i, kind: deviceKind(i)[0], subject_type: deviceKind(i)[1],
      subject_id: { house: 'H' + i, site: 'GD' + i % 5, segment: 'R' + i % 27, elevator: 'DT' + i }[deviceKind(i)[1]], estate_id: 'E' + i % 45, building_no: '1', community_id: community(i) })],
    ['site', 5, (i) => ({ site_id: 'GD' + i, name: '工地' + i, community_id: community(i), active: true, pit_depth_m: 6 })],
    ['camera', 200, (i) => ({ camera_id: 'C' + i, place_id: 'PT' + i, name: '点位' + i, lon: 120.12, lat: 30.31, community_id: community(i), grid_id: 'G' + i % 36, segment_id: 'R' + i % 27, place_kind: 'street' })],
    ['shop', 900, (i) => ({ shop_id: 'S' + i, name: '店' + i, community_id: community(i), grid_id: 'G' + i % 36, segment_id: 'R' + i % 27 })],
    ['place', places, (i) => ({ place_id: 'PL' + i, kind: '餐饮', name: '场所' + i, community_id: community(i), grid_id: 'G' + i % 36, risk_grade: 'B', open: true, listed_on: '2018-05-01' })],
    ['inspection', places, (i) => ({ inspection_id: 'JC' + i, target_type: 'place', target_id: 'PL' + i, inspected_at: at(START - DAY * (1 + i % 5)), result: 'pass', hazard_level: 'none' })],
    ['elevator', 900, (i) => ({ elevator_id: 'DT' + i, estate_id: 'E' + i % 45, community_id: community(i), inspect_valid_to: '2020-12-15' })],
    ['maintenance', 900, (i) => ({ elevator_id: 'DT' + i, done_on: '2020-04-07', company_id: 'WB1' })],
    ['owners_committee', 45, (i) => ({ estate_id: 'E' + i, term_end: '2022-06-28', election_stage: 'none' })],
    ['waste_check', 900, (i) => ({ check_id: 'W' + i, estate_id: 'E' + i % 45, community_id: community(i), checked_at: at(START - DAY * (1 + i % 20)), bags_checked: 50, bags_correct: 46 })],
    ['enterprise', firms * 2, (i) => snapshot(i % firms, i < firms ? '2020-02' : '2020-03')],
    ['ent_income', firms * months, (i) => monthIncome(i % firms, Math.floor(i / firms))],
    ['tax_month', firms * months, (i) => monthTax(i % firms, Math.floor(i / firms))],
    ['occupancy', firms, (i) => ({ occupancy_id: 'O' + i, building_id: 'B' + draw(3, i, 60), room: String(i % 900), ent_id: firm(i), ent_name: '示例企业' + i, staff_count: 9, branch_kind: 'independent', status: 'in', checked_on: '2020-03-20' })],
    ['exec_roster', firms, (i) => ({ ent_id: firm(i), as_of: '2019-05-06', members: [`legal_rep:P${i}`, `cfo:P${i + 1}`] })],
    ['ent_party', firms, (i) => ({ ent_id: firm(i), as_of: '2020-03-31', full_members: i % 9, coverage: 'joint' })],
    ['policy', 20, (i) => ({ policy_id: 'ZC' + i, title: '政策' + i, industry_prefixes: [['64', '51', '72', '48'][i % 4]], tags_all: ['高新'], staff_min: 100, valid_from: '2020-02-10', apply_deadline: '2020-06-30', est_benefit_cny: 30000 })],
    ['policy_claim', firms * 5, (i) => ({ ent_id: firm(i % firms), policy_id: 'ZC' + Math.floor(i / firms) * 4, status: 'applied', at: at(START - 30 * DAY) })],
    ['party_member', members, (i) => ({ member_key: 'DY' + i, branch_id: 'ZB' + i % 200, community_id: community(i), status: 'full' })],
    ['party_dues', members * 3, (i) => ({ member_key: 'DY' + i % members, month: `2020-${pad(1 + Math.floor(i / members))}`, paid_on: `2020-${pad(1 + Math.floor(i / members))}-08`, amount_cny: 20 })],
    ['resident', residents, (i) => ({ person_key: 'RK' + i, birth_date: `${1945 + draw(60, i, 60)}-${pad(1 + i % 12)}-${pad(1 + i % 28)}`, house_id: 'H' + i % share(27000), community_id: community(i), hukou: i % 4 ? 'local' : 'floating', status: 'present', registered_on: '2012-05-01' })],
    ['benefit_rule', 4, (i) => ({ benefit_id: 'GL' + i, name: '补贴' + i, age_min: 80 + i, hukou_required: true, active: true })],
    ['elder', elders, (i) => ({ person_key: 'RK' + i, house_id: 'H' + i, community_id: community(i), grid_id: 'G' + i % 36, live_alone: true, water_meter_id: 'SB' + i, contact_key: 'RK' + (i + 1) })],
    ['care_target', cared, (i) => ({ person_key: 'RK' + i, category: i % 2 ? 'veteran' : 'elder_alone', community_id: community(i), grid_id: 'G' + i % 36, since: '2019-03-01' })],
    ['visit', cared, (i) => ({ visit_id: 'ZF' + i, subject_type: 'person', subject_id: 'RK' + i, visited_at: at(START - DAY * (1 + i % 3)), visitor_id: 'W' + i % 36, result: 'safe' })],
    ['meter_reading', elders * 24, (i) => ({ meter_id: 'SB' + i % elders, at: at(START - DAY + Math.floor(i / elders) * 3600e3), kind: 'water', value: 100 + Math.floor(i / elders) * 0.02 })],
    ['letter', letters, (i) => letter('XX' + i, i, past(i, letters))],
    ['petition', letters, (i) => petition('XF' + i, i, past(i, letters))],
    ['special_person', 200, (i) => ({ person_key: 'RK' + i, category: 'mental', risk_level: i % 3, unstable: false, community_id: community(i), grid_id: 'G' + i % 36, since: '2019-06-01', active: true })],
    ['followup', 200, (i) => ({ followup_id: 'SF' + i, person_key: 'RK' + i, at: at(START - 2 * DAY), result: 'ok' })],
    ['estate_ticket', 2000, (i) => ({ ticket_id: 'SX' + i, estate_id: 'E' + i % 45, community_id: community(i), kind: WORDS[i % 8], raised_at: at(START - DAY * (3 + i % 300)), community_ack_at: at(START - DAY * (3 + i % 300) + 3600e3), resolved_at: at(START - DAY * (2 + i % 300)) })],
  ]
}

// Of each hundred records of the stream, so many of a type: the months of firms first, as in the demo.
const SHARES = [
  ['tax_month', 30, (n, f) => ({ ...monthTax(n % f, 24 - Math.floor(n / f) % 24) })],
  ['ent_income', 30, (n, f) => monthIncome(n % f, 24 - Math.floor(n / f) % 24)],
  ['sensor_reading', 10, (n) => ({ device_id: 'D' + n % 300, at: at(START + Math.floor(n / 300) * 2000), metric: deviceKind(n % 300)[2], value: deviceKind(n % 300)[3] })],
  ['meter_reading', 8, (n) => ({ meter_id: 'SB' + n % 150, at: at(START + Math.floor(n / 150) * 2000), kind: 'water', value: 200 + n / 1000 })],
  ['camera_event', 5, (n) => ({ event_id: 'SJ' + n, camera_id: 'C' + n % 200, place_id: 'PT' + n % 200, event_type: ['crowd', 'vendor', 'garbage_exposed', 'parking_motor'][n % 4], phase: 'snapshot', occurred_at: at(START + n * 100), confidence: 0.6, community_id: community(n), report_type: 'ai' })],
  ['enterprise', 4, (n, f) => snapshot(n % f, '2020-03')],
  ['letter', 3, (n) => letter('XL' + n, n, START + n * 100)],
  ['petition', 2, (n) => petition('XP' + n, n, START + n * 100)],
  ['visit', 2, (n) => ({ visit_id: 'ZL' + n, subject_type: 'person', subject_id: 'RK' + n % 3000, visited_at: at(START + n * 100), visitor_id: 'W1', result: 'safe' })],
  ['resident', 2, (n) => ({ person_key: 'RL' + n, birth_date: '1971-05-06', house_id: 'H' + n % 2000, community_id: community(n), hukou: 'local', status: 'present', registered_on: '2019-05-01' })],
  ['occupancy', 2, (n) => ({ occupancy_id: 'OL' + n, building_id: 'B' + n % 60, room: '101', ent_id: firm(n % 1000), ent_name: '示例', staff_count: 9, branch_kind: 'independent', status: 'in', checked_on: '2020-04-08' })],
  ['service_review', 1, (n) => ({ review_id: 'PJ' + n, window_id: 'CK' + n % 6, item: '社保', rated_at: at(START + n * 100), stars: 4 + n % 2 })],
  ['device_alarm', 1, (n) => ({ alarm_id: 'BJ' + n, device_id: 'D' + n % 300, alarm_type: 'overtemp', at: at(START + n * 1000), restored_at: at(START + n * 1000 + 1000) })],
]
export const STREAM_TYPES = SHARES.map(([type]) => type)

/** `total` records of the stream as requests of about `batch` records of one type: [type, lines]. */
export function stream(total, batch, firms) {
  const next = SHARES.map(() => 0), requests = []
  for (let done = 0; done < total;)
    for (const [k, [type, share, make]] of SHARES.entries()) {
      const lines = []
      for (let i = 0; i < share * batch / 30 && done < total; i++, done++) lines.push(JSON.stringify(make(next[k]++, firms)))
      if (lines.length) requests.push([type, lines.join('\n') + '\n'])
    }
  return requests
}
