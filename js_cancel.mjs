import {run,gather,createTask,sleep} from 'gyre'
const cpu=()=>{const {user,system}=process.cpuUsage();return (user+system)*1000}
const m=100000
function* sl(){yield* sleep(1000000)}
await run(function*(){
  for(let r=0;r<6;r++){
    const out={}
    for(const [k,f] of [['fut',()=>sleep(1000000)],['gen',sl]]){
    let t=cpu()
    const ts=[];for(let i=0;i<m;i++)ts.push(createTask(f()))
    yield* sleep(0)
    let t2=cpu()
    out[k+'Create']=(t2-t)/m
    for(const x of ts)x.cancel()
    out[k+'Cancel']=(cpu()-t2)/m
    t2=cpu()
    yield* gather(ts,{returnExceptions:true})
    out[k+'Gather']=(cpu()-t2)/m
    }
    console.log(JSON.stringify(out))
  }
})
