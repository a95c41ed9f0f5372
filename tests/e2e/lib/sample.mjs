// Records of invented enterprises, after the examples of scenarios 07 and 10.
export const ROSTER_KEY = '91330105TEST000071'
export const INCOME_KEY = '91330105TEST000101'

const rosterOf = (as_of, members, ent_id = ROSTER_KEY) => ({ ent_id, as_of, members })

export function enterprise(ent_id, name, snapshot_month) {
  return {
    ent_id,
    snapshot_month,
    name,
    community_id: 'changzhengqiao',
    reg_status: 'active',
    reg_subdistrict: '330105003',
    tax_subdistrict: '330105003',
    op_subdistrict: '330105003'
  }
}

/** The legal representative and the general manager change: orange. */
export function rosters(ent_id = ROSTER_KEY) {
  return [
    rosterOf('2020-04-01', ['legal_rep:p1', 'general_manager:p2', 'director:p3'], ent_id),
    rosterOf('2020-07-01', ['director:p3', 'general_manager:p8', 'legal_rep:p9'], ent_id)
  ]
}

/** 17.07 % down on the year before: yellow. */
export const incomes = [
  { ent_id: INCOME_KEY, month: '2019-02', income_cny: 8200000 },
  { ent_id: INCOME_KEY, month: '2020-02', income_cny: 6800000 }
]
