use hwcal::rk3399pro::*;
fn main() {
    let t = std::time::Instant::now();
    let m = Measurements::built_in().expect("m");
    for c in Campaign::ALL {
        let f = Fitting::built_in(&m, c).expect("f");
        println!("{c:?} rows {} {:?}", f.mappings().count(), t.elapsed());
        let p = f.fit(&|_| true).expect("fit");
        for (x, v) in mechanisms(c).iter().zip(&p.values) {
            println!("  {} {}", x.name, v);
        }
        println!("  npu {} {:?}", p.npu_entry_w, t.elapsed());
        let nets: std::collections::BTreeSet<String> = f.mappings().map(|r| r.mapping.network.clone()).collect();
        let folds = fold_of_string(f.mappings().map(|r| &r.mapping));
        for by_net in [true, false] {
            let groups: Vec<String> =
                if by_net { nets.iter().cloned().collect() } else { (0..5).map(|i| i.to_string()).collect() };
            let key = |r: &MeasuredMapping| {
                if by_net {
                    r.mapping.network.clone()
                } else {
                    folds[&(c, r.mapping.network.clone(), r.mapping.letters())].to_string()
                }
            };
            let mut per: std::collections::BTreeMap<String, Vec<(f64, f64, f64, f64)>> = Default::default();
            for g in &groups {
                let Ok(p) = f.fit(&|r| key(r) != *g) else {
                    println!("no fit");
                    continue;
                };
                let b = Board::new(&m, c, Knowledge::fitted(&p.values)).expect("b");
                for r in f.mappings().filter(|r| key(r) == *g) {
                    let x = b.replay(&r.mapping).expect("r");
                    let e = b.energy_mj(&r.mapping, &x, p.npu_entry_w, false).unwrap_or(f64::NAN);
                    per.entry(r.mapping.network.clone()).or_default().push((
                        x.task_ms,
                        r.task_ms,
                        e,
                        r.task_mj.unwrap_or(f64::NAN),
                    ));
                }
            }
            let (mut all, mut alle) = (vec![], vec![]);
            for (n, v) in &per {
                let e: Vec<f64> = v.iter().map(|x| (x.0 / x.1 - 1.).abs() * 100.).collect();
                let en: Vec<f64> = v.iter().map(|x| (x.2 / x.3 - 1.).abs() * 100.).collect();
                println!(
                    "  bynet={by_net} {n} {} mape {:.2} energy {:.2}",
                    v.len(),
                    e.iter().sum::<f64>() / e.len() as f64,
                    en.iter().sum::<f64>() / en.len() as f64
                );
                all.extend(e);
                alle.extend(en);
            }
            println!(
                "  all {:.2} energy {:.2} {:?}",
                all.iter().sum::<f64>() / all.len() as f64,
                alle.iter().sum::<f64>() / alle.len() as f64,
                t.elapsed()
            );
        }
    }
}
