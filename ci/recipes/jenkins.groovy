// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// groovy jenkins.groovy JENKINSFILE: runs a declarative pipeline in this folder without Jenkins.
// Each `sh` is run; what else happens is a line, the last one "result RESULT". A step that is
// not listed here is an error, so that a slip of the pen is seen.

class Build { String result = 'SUCCESS' }

class Pipeline extends Script {
    static final BLOCKS = ['pipeline', 'parameters', 'triggers', 'stages', 'steps', 'script',
                           'post', 'always'] as Set
    static final WORDS = ['cron', 'agent'] as Set
    Map env = [:] + System.getenv()
    Build currentBuild = new Build()
    String any = 'any'

    def run() {}

    void fail(String why) {
        println "failed $why"
        currentBuild.result = 'FAILURE'
    }

    // What comes after a step that failed is left out, but not `post`.
    def inside(String name, Closure body) {
        body.delegate = this
        body.resolveStrategy = Closure.DELEGATE_FIRST
        try {
            body()
        } catch (StepFailed e) {
            if (name != 'stages' && name != 'pipeline')
                throw e
            fail(e.message)
        }
    }

    def invokeMethod(String name, Object given) {
        def args = given as List
        if (name in BLOCKS && args.size() == 1 && args[0] instanceof Closure)
            return inside(name, args[0])
        if (name in WORDS)
            return null
        return metaClass.respondsTo(this, name, *args) ?
            metaClass.invokeMethod(this, name, *args) :
            { throw new IllegalArgumentException("no step $name") }()
    }

    def stage(String name, Closure body) {
        println "stage $name"
        inside('stage', body)
    }

    void string(Map p) { env[p.name] = System.getenv(p.name) ?: p.defaultValue }

    int shell(String script) {
        def builder = new ProcessBuilder('sh', '-xe', '-c', script).inheritIO()
        builder.environment().putAll(env)
        builder.start().waitFor()
    }

    void sh(String script) { sh(script: script) }

    int sh(Map p) {
        System.out.flush()
        int status = shell(p.script)
        if (status && !p.returnStatus)
            throw new StepFailed("sh: $status")
        status
    }

    void unstable(String why) {
        println "unstable $why"
        currentBuild.result = 'UNSTABLE'
    }

    void error(String why) { throw new StepFailed(why) }

    void junit(Map p) { println "junit ${new File(p.testResults).isFile()}" }

    void archiveArtifacts(Map p) {
        println "archive ${new File(p.artifacts - '/**').list()?.sort()}"
    }
}

class StepFailed extends Exception {
    StepFailed(String why) { super(why) }
}

def config = new org.codehaus.groovy.control.CompilerConfiguration()
config.scriptBaseClass = 'Pipeline'
def made = new GroovyShell(getClass().classLoader, new Binding(), config).parse(new File(args[0]))
made.run()
println "result $made.currentBuild.result"
