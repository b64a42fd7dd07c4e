//! Tables against ordered maps, and against bytes that lie.

use std::collections::BTreeMap;

use cms_testkit::Random;

use super::*;
use crate::space::memory::Memory;

type Model = BTreeMap<RowId, (i64, Option<String>, Option<bool>)>;

fn people(space: &mut Memory) -> Table {
    let columns = vec![
        Column::new("id", Kind::Int).most(4).required(),
        Column::new("name", Kind::String).most(20),
        Column::new("active", Kind::Bool),
    ];
    let mut table = Table::new("people", columns).unwrap();
    table.create_index(space, "id", true).unwrap();
    table.create_index(space, "name", false).unwrap();
    table
}

fn tuple(row: Row<'_>) -> (RowId, (i64, Option<String>, Option<bool>)) {
    let name = row.get("name").map(|name| String::from_utf8(name.as_bytes().unwrap().to_vec()).unwrap());
    let active = row.get("active").map(|active| active.as_bool().unwrap());
    (row.id, (row.get("id").unwrap().as_int().unwrap(), name, active))
}

fn check(space: &Memory, table: &Table, model: &Model) {
    let rows = |rows: Rows<'_>| rows.map(|row| tuple(row.unwrap())).collect::<Vec<_>>();
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(rows(table.rows(space)), expected);
    assert!(table.rows(space).rev().map(|row| tuple(row.unwrap())).eq(expected.iter().rev().cloned()));

    let mut by_id = expected.clone();
    by_id.sort_by_key(|row| row.1.0);
    assert_eq!(rows(table.range(space, "id", ..).unwrap()), by_id);
    let middle: Vec<_> = by_id.iter().filter(|row| (100..300).contains(&row.1.0)).cloned().collect();
    assert_eq!(rows(table.range(space, "id", Scalar::Int(100)..Scalar::Int(300)).unwrap()), middle);

    let mut by_name: Vec<_> = expected.iter().filter(|row| row.1.1.is_some()).cloned().collect();
    by_name.sort_by_key(|row| (row.1.1.clone(), row.0));
    assert_eq!(rows(table.range(space, "name", ..).unwrap()), by_name);
    for name in ["n1", "n7", "none"] {
        let same: Vec<_> = expected.iter().filter(|row| row.1.1.as_deref() == Some(name)).cloned().collect();
        assert_eq!(rows(table.find(space, "name", name.into()).unwrap()), same);
    }
    let active: Vec<_> = expected.iter().filter(|row| row.1.2 == Some(true)).cloned().collect();
    assert_eq!(rows(table.find(space, "active", true.into()).unwrap()), active);

    let mut live = space.live.clone();
    table.places(space, &mut |offset, size| assert_eq!(live.remove(&offset), Some(size))).unwrap();
    assert_eq!(live, Default::default(), "leaked");
    assert_eq!(Table::load("people", &table.encode()).unwrap(), *table);
}

#[test]
fn follows_a_map() {
    let mut random = Random::for_test("tables follow a map");
    for round in 0..8 {
        let mut space = Memory::new();
        let mut table = people(&mut space);
        let mut model = Model::new();
        for step in 0..600 {
            let id = random.below(500) as i64;
            let name = (random.below(4) > 0).then(|| format!("n{}", random.below(20)));
            let active = (random.below(3) > 0).then(|| random.below(2) == 1);
            let mut values = vec![("id", Scalar::Int(id))];
            values.extend(name.as_deref().map(|name| ("name", name.into())));
            values.extend(active.map(|active| ("active", active.into())));
            let taken = model.iter().find(|(_, row)| row.0 == id).map(|(row, _)| *row);
            let any = model.keys().nth(random.below(model.len().max(1) as u64) as usize).copied();
            match (random.below(10), any) {
                (0..=4, _) => match (table.insert(&mut space, &values), taken) {
                    (Ok(row), None) => assert!(model.insert(row, (id, name, active)).is_none()),
                    (Err(Error::NotUnique { .. }), Some(_)) => {}
                    (answer, taken) => panic!("{answer:?} for {id}, which {taken:?} has"),
                },
                (5..=7, Some(row)) => match (table.update(&mut space, row, &values), taken) {
                    (Ok(()), other) => {
                        assert!(other.is_none_or(|other| other == row));
                        let old = model.get_mut(&row).unwrap();
                        *old = (id, name.or(old.1.take()), active.or(old.2));
                    }
                    (Err(Error::NotUnique { .. }), Some(other)) => assert_ne!(other, row),
                    (answer, taken) => panic!("{answer:?} for {id}, which {taken:?} has"),
                },
                (_, Some(row)) => {
                    table.delete(&mut space, row).unwrap();
                    model.remove(&row);
                    assert!(table.row(&space, row).unwrap().is_none());
                }
                _ => {}
            }
            if step % 100 == 0 {
                check(&space, &table, &model);
            }
        }
        check(&space, &table, &model);
        for row in model.keys() {
            assert_eq!(table.row(&space, *row).unwrap().unwrap().id, *row);
        }
        if round % 2 == 0 {
            assert!(table.drop_index(&mut space, "name").unwrap());
            table.create_index(&mut space, "name", false).unwrap();
            check(&space, &table, &model);
        }
        table.clear(&mut space).unwrap();
        check(&space, &table, &Model::new());
    }
}

#[test]
fn many_rows_at_once() {
    let mut space = Memory::new();
    let mut table = people(&mut space);
    let rows: Vec<Vec<(&str, Scalar<'_>)>> =
        (0..1_000).map(|id| vec![("id", Scalar::Int(999 - id)), ("name", "n1".into())]).collect();
    assert_eq!(table.insert_all(&mut space, rows.iter().map(Vec::as_slice)).unwrap(), 1);
    let model = (0..1_000).map(|id| (id as u64 + 1, (999 - id, Some("n1".to_owned()), None))).collect();
    check(&space, &table, &model);

    let before = table.clone();
    let more = [vec![("id", Scalar::Int(5_000))], vec![("id", Scalar::Int(7))]];
    assert!(table.insert_all(&mut space, more.iter().map(Vec::as_slice)).is_err());
    assert_eq!(table, before);
}

#[test]
fn faults_name_what_is_wrong() {
    let mut space = Memory::new();
    let mut table = people(&mut space);
    table.insert(&mut space, &[("id", 1.into()), ("name", "admin".into())]).unwrap();
    let mut fault = |values: &[(&str, Scalar<'_>)]| table.insert(&mut space, values).unwrap_err().to_string();
    assert_eq!(fault(&[("id", 1.into())]), "column 'id' of table 'people' has a row with 1 already");
    assert_eq!(fault(&[("name", "x".into())]), "column 'id' of table 'people': a value is required");
    assert_eq!(fault(&[("id", "1".into())]), "column 'id' of table 'people' wants int, not string");
    assert_eq!(fault(&[("nme", "x".into())]), "table 'people' has no column 'nme'");
    assert_eq!(
        fault(&[("id", (1i64 << 31).into())]),
        "column 'id' of table 'people': 2147483648 takes more than 4 bytes"
    );
    assert!(
        fault(&[("id", 2.into()), ("name", "a name that is too long".into())]).contains("more than 20 bytes")
    );
    let fault = table.range(&space, "active", ..).err().unwrap();
    assert_eq!(fault.to_string(), "column 'active' of table 'people' has no index");
    assert_eq!(table.delete(&mut space, 9).unwrap_err().to_string(), "table 'people' has no row 9");
    assert!(Table::new("t", vec![]).is_err());
    assert!(Table::new("t", vec![Column::new("a", Kind::Int), Column::new("a", Kind::Bool)]).is_err());
}

#[test]
fn flipped_bits_are_survived() {
    let mut random = Random::for_test("flipped bits in a table");
    let mut space = Memory::new();
    let mut table = people(&mut space);
    for id in 0..200 {
        let name = format!("n{}", id % 9);
        table.insert(&mut space, &[("id", Scalar::Int(id)), ("name", (&*name).into())]).unwrap();
    }
    let mut record = table.encode();
    for round in 0..4_000 {
        let target = if round % 4 == 0 { &mut record } else { &mut space.bytes };
        let (at, bit) = (random.below(target.len() as u64) as usize, 1 << random.below(8));
        target[at] ^= bit;
        if let Ok(mut table) = Table::load("t", &record) {
            let _ = table.rows(&space).take(1_000).filter(Result::is_ok).count();
            let _ = table.find(&space, "name", "n3".into()).map(|rows| rows.take(1_000).count());
            let _ = table.find(&space, "id", Scalar::Int(77)).map(|rows| rows.take(1_000).count());
            let _ = table.range(&space, "id", Scalar::Int(5)..).map(|rows| rows.take(1_000).count());
            if round % 16 == 1 {
                let mut scratch = Memory { bytes: space.bytes.clone(), strict: false, ..Memory::new() };
                let _ = table.update(&mut scratch, 50, &[("name", "new".into())]);
                let _ = table.insert(&mut scratch, &[("id", 900.into())]);
                let _ = table.delete(&mut scratch, 51);
            }
        }
        let target = if round % 4 == 0 { &mut record } else { &mut space.bytes };
        target[at] ^= bit;
    }
}
