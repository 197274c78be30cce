import {run,Lock,Queue,gather,createTask,sleep} from 'gyre'
const cpu=()=>{const {user,system}=process.cpuUsage();return (user+system)*1000}
await run(function*(){
  const lock=new Lock(), n=200000
  function* a(){for(let i=0;i<n;i++){const g=yield* lock.acquire();g.release()}}
  function* b(){for(let i=0;i<n;i++){yield* lock.acquire();lock.release()}}
  function* prod(q){for(let i=0;i<n;i++)yield* q.put(i)}
  function* cons(q){for(let i=0;i<n;i++)yield* q.get()}
  for(let r=0;r<6;r++){
    const out={}
    let t=cpu(); yield* a(); out.guard=(cpu()-t)/n
    t=cpu(); yield* b(); out.acqrel=(cpu()-t)/n
    for(const [k,size] of [['q1',1],['inf',0],['q100',100]]){
      const q=new Queue(size)
      t=cpu(); yield* gather(prod(q),cons(q)); out[k]=(cpu()-t)/n
    }
    const m=100000
    t=cpu()
    const ts=[];for(let i=0;i<m;i++)ts.push(createTask(sleep(1000000)))
    yield* sleep(0)
    const t2=cpu()
    for(const x of ts)x.cancel()
    yield* gather(ts,{returnExceptions:true})
    out.cancelAll=(cpu()-t)/m; out.cancelOnly=(cpu()-t2)/m
    console.log(JSON.stringify(out))
  }
})
